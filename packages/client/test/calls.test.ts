import { afterEach, expect, it } from 'vitest'
import { createClient, type ExecuteBody } from '#client'
import { type HostileServer, hostileServer, refusing } from './support/hostile-server.ts'

let server: HostileServer
afterEach(() => server?.close())

const run = { id: 'r/1', kind: 'job', state: 'queued' }
const json = (body: unknown, status = 200) =>
  refusing(status, { 'Content-Type': 'application/json; charset=utf-8' }, JSON.stringify(body))

it('a start sends the body, the key and the credential, below the path the server is served at', async () => {
  server = await hostileServer([json({ run }, 201)])
  const client = createClient({ url: `${server.url}/mill/`, token: () => 'a-made-up-token' })
  const body = { kind: 'job', project: 'web', tool: 'count' } as const
  expect(await client.start(body, { idempotencyKey: 'k' })).toEqual(run)
  expect(server.requests[0]).toMatchObject({
    method: 'POST',
    url: '/mill/api/runs',
    headers: {
      authorization: 'Bearer a-made-up-token',
      'idempotency-key': 'k',
      'content-type': 'application/json',
    },
    body: JSON.stringify(body),
  })
})

it('ids and queries are written so that nothing in them changes the address', async () => {
  server = await hostileServer([json({ run })])
  const client = createClient({ url: server.url })
  await client.get('../x?y#z')
  await client.list({ project: 'a&b=c', limit: 3, state: undefined })
  expect(server.requests.map(({ url }) => url)).toEqual([
    '/api/runs/..%2Fx%3Fy%23z',
    '/api/runs?project=a%26b%3Dc&limit=3',
  ])
})

it('an execution is started and cancelled on its own face', async () => {
  server = await hostileServer([
    json({ executionId: 'e/1' }, 201),
    json({ executionId: 'e/1', state: 'aborted' }),
  ])
  const client = createClient({ url: server.url })
  const body: ExecuteBody = {
    task: 'Tidy up',
    context: { files: ['a'] },
    model: 'claude',
    limits: { usd: 1 },
    approvals: 'off',
  }
  expect(await client.execute(body)).toEqual({ executionId: 'e/1' })
  await client.cancel('e/1')
  expect(server.requests).toMatchObject([
    { method: 'POST', url: '/api/agent/execute', body: JSON.stringify(body) },
    { method: 'POST', url: '/api/agent/execute/e%2F1/cancel' },
  ])
})

it('an agent is talked to: a message is sent, listed and taken back, and the session is finished', async () => {
  const message = { id: 'm/1', text: 'Mind the gap', mode: 'steer', state: 'waiting' }
  server = await hostileServer([
    json({ messageId: 'm/1' }, 202),
    json({ messages: [message] }),
    json({ message: { ...message, state: 'withdrawn' } }),
    json({ run }),
  ])
  const client = createClient({ url: server.url })
  const body = { text: 'Mind the gap', mode: 'steer' } as const
  expect(await client.say('r/1', body)).toEqual({ messageId: 'm/1' })
  expect(await client.messages('r/1')).toEqual([message])
  expect(await client.withdraw('r/1', 'm/1')).toMatchObject({ state: 'withdrawn' })
  expect(await client.finish('r/1')).toEqual(run)
  expect(server.requests).toMatchObject([
    { method: 'POST', url: '/api/runs/r%2F1/messages', body: JSON.stringify(body) },
    { method: 'GET', url: '/api/runs/r%2F1/messages' },
    { method: 'DELETE', url: '/api/runs/r%2F1/messages/m%2F1' },
    { method: 'POST', url: '/api/runs/r%2F1/finish' },
  ])
})

it('a refusal names the code, the fields, and whether to try again', async () => {
  const errors = [{ path: 'tool', expected: 'one of count' }]
  const problem = { code: 'invalid_request', detail: 'The request is not valid', retry: false, errors }
  server = await hostileServer([json(problem, 400)])
  const client = createClient({ url: server.url })
  await expect(client.abort('r1')).rejects.toMatchObject({
    code: 'invalid_request',
    status: 400,
    retry: false,
    fields: errors,
    message: 'The request is not valid\ntool: one of count',
  })
})

it.each([
  ['a page', refusing(200, { 'Content-Type': 'text/html' }, '<html>')],
  ['broken JSON', refusing(200, { 'Content-Type': 'application/json' }, '{"run":')],
])('%s with a good status is a bad answer', async (_name, answer) => {
  server = await hostileServer([answer])
  await expect(createClient({ url: server.url }).get('r1')).rejects.toMatchObject({
    code: 'bad_answer',
    status: 200,
  })
})

it.each([[{ path: 'x' }], ['x'], [[null, 1, { path: 3 }]]])(
  'a refusal whose list of fields is broken (%j) is a refusal',
  async (errors) => {
    server = await hostileServer([json({ code: 'invalid_request', detail: 'No', errors }, 400)])
    await expect(createClient({ url: server.url }).get('r1')).rejects.toMatchObject({
      name: 'ClientError',
      code: 'invalid_request',
      message: 'No',
      fields: [],
    })
  },
)

it.each([
  ['token', { token: () => Promise.reject(new Error('the vault is closed')) }],
  ['headers', { headers: () => Promise.reject(new Error('the vault is closed')) }],
  ['url', { url: () => Promise.reject(new Error('the vault is closed')) }],
])('a %s that cannot be had fails the call as every other failure does', async (_name, given) => {
  const client = createClient({ url: 'http://127.0.0.1:1', ...given })
  await expect(client.get('r1')).rejects.toMatchObject({
    name: 'ClientError',
    code: 'unreachable',
    retry: true,
    message: 'The request could not be made: the vault is closed',
  })
})

it('a failure of the client’s own, while it gets its token, is passed on as it is', async () => {
  server = await hostileServer([json({ code: 'unauthorized', detail: 'Sign in again' }, 401)])
  const identity = createClient({ url: server.url })
  const client = createClient({ url: server.url, token: async () => (await identity.get('token')).id })
  await expect(client.projects()).rejects.toMatchObject({ code: 'unauthorized', status: 401, retry: false })
  expect(server.requests).toHaveLength(1)
})

it('an address that is none fails the call as every other failure does', async () => {
  await expect(createClient({ url: 'nowhere' }).get('r1')).rejects.toMatchObject({ name: 'ClientError' })
})

it('a server that is not there is unreachable', async () => {
  server = await hostileServer()
  const { url } = server
  await server.close()
  await expect(createClient({ url }).projects()).rejects.toMatchObject({ code: 'unreachable', retry: true })
  server = await hostileServer()
})

it('a call whose signal aborts fails with the reason of the signal', async () => {
  server = await hostileServer([() => {}])
  const signal = AbortSignal.abort(new Error('enough'))
  await expect(createClient({ url: server.url }).tools({ signal })).rejects.toThrow('enough')
})
