/** Messages on the native face, over real HTTP: sent, listed, taken back, and refused. */
import type { Message } from '@millrace/protocol'
import { until } from '@millrace/test-support/until'
import { describe, expect, it } from 'vitest'
import { RunDialogue } from '#runners/dialogue'
import { post } from '#test/security/support/server'
import { wallClock } from '#time/clock'
import {
  type Agent,
  completed,
  openSessionServer,
  type SessionServer,
  type SessionServerOptions,
  untilAsked,
} from './support/session-server.ts'

const nobodys = '00000000-0000-4000-8000-000000000000'

async function open(options: SessionServerOptions = {}, spec: Record<string, unknown> = {}) {
  const server = await openSessionServer(options)
  const body = { kind: 'session', project: 'web', prompt: 'Go', ...spec }
  const answer = await server.as(server.owner, '/api/runs', post(body))
  const { run } = (await answer.json()) as { run: { id: string } }
  return { server, path: `/api/runs/${run.id}`, messages: `/api/runs/${run.id}/messages`, id: run.id }
}

async function send(server: SessionServer, path: string, body: unknown, token = server.owner) {
  const answer = await server.as(token, path, post(body))
  return { status: answer.status, ...((await answer.json()) as { messageId?: string; code?: string }) }
}

async function list(server: SessionServer, path: string): Promise<Message[]> {
  return ((await (await server.as(server.owner, path)).json()) as { messages: Message[] }).messages
}

async function refused(answer: Promise<Response>): Promise<[number, string]> {
  const response = await answer
  return [response.status, ((await response.json()) as { code: string }).code]
}

/** Answers every message, as an engine does. */
const answering: Agent = async (context) => {
  const idleMs = context.run.spec.interactive === true ? 900_000 : null
  const dialogue = new RunDialogue({ context, transcript: [], idleMs, clock: wallClock, now: wallClock.now })
  await context.started()
  for (;;) {
    const next = await dialogue.nextTurn()
    if (next === null) return completed(context.run.id)
    void context.appendTranscript([
      { conversation: 'c', subpath: '', json: JSON.stringify({ uuid: next.id }) },
    ])
    await dialogue.delivered(next.id)
    const files = next.attachments === undefined ? {} : { files: next.attachments }
    await context.emit([{ type: 'assistant', data: { answer: next.text, ...files } }])
  }
}

const events = async (server: SessionServer, path: string) => {
  const answer = await server.as(server.owner, `${path}/events`, { headers: { accept: 'application/json' } })
  return ((await answer.json()) as { events: { type: string; data: Record<string, unknown> }[] }).events
}

describe('the attachments of a message', () => {
  const png = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(1.5 * 1024 ** 2)])
  const image = { name: 'ü.png', mediaType: 'image/png', data: png.toString('base64') }
  const note = { name: 'note.txt', mediaType: 'text/plain', data: Buffer.from('Hello').toString('base64') }
  const about = {
    name: 'note.txt',
    mediaType: 'text/plain',
    bytes: 5,
    sha256: expect.stringMatching(/^185f8db/),
  }

  it('the agent is given all of a message; its log and its list have names, sizes and hashes', async () => {
    const { server, path, messages } = await open({}, { interactive: true })
    const sent = await send(server, messages, { text: 'Look', attachments: [image, note] })
    expect(sent.status).toBe(202)
    const found = [
      { name: 'ü.png', mediaType: 'image/png', bytes: png.length, sha256: expect.any(String) },
      about,
    ]
    expect(await list(server, messages)).toMatchObject([{ text: 'Look', attachments: found }])
    const queued = (await events(server, path)).find(({ type }) => type === 'message:queued')
    expect(queued?.data).toEqual({
      messageId: sent.messageId,
      mode: 'queue',
      text: 'Look',
      user: expect.any(String),
      attachments: found,
    })
  })

  it('an agent at work takes the contents with the message', async () => {
    const { server, path, messages } = await open({ agent: answering }, { interactive: true })
    await send(server, messages, { text: 'Look', attachments: [note] })
    await until(async () => (await events(server, path)).some(({ type }) => type === 'message:delivered'))
    await until(async () => (await events(server, path)).some(({ type }) => type === 'assistant'))
    const answer = (await events(server, path)).find(({ type }) => type === 'assistant')
    expect(answer?.data).toEqual({ answer: 'Look', files: [note] })
  })

  it('the same key with another file is refused, and with the same one repeated', async () => {
    const { server, messages } = await open({}, { interactive: true })
    const under = (attachments: unknown) => {
      const request = post({ text: 'Look', attachments })
      return server.as(server.owner, messages, {
        ...request,
        headers: { ...request.headers, 'idempotency-key': 'a' },
      })
    }
    expect((await under([note])).status).toBe(202)
    expect((await under([note])).headers.get('idempotent-replayed')).toBe('true')
    const other = { ...note, data: Buffer.from('Bye').toString('base64') }
    expect(await refused(under([other]))).toEqual([409, 'idempotency_mismatch'])
  })

  it('a run that waits takes no more than its owner may store, however often messages are sent and taken back', async () => {
    const { server, path, messages } = await open(
      { limits: { ownerBytes: 4_194_304 } },
      { interactive: true },
    )
    const data = Buffer.alloc(1_000_000, 'x').toString('base64')
    const file = { ...note, data }
    for (let sent = 0; sent < 10; sent += 1) {
      const { status, messageId } = await send(server, messages, { text: 'Look', attachments: [file] })
      expect(status).toBe(202)
      const taken = await server.as(server.owner, `${messages}/${messageId}`, { method: 'DELETE' })
      expect(taken.status).toBe(200)
    }
    const statuses: unknown[] = []
    for (let sent = 0; sent < 5; sent += 1) {
      const { status, code } = await send(server, messages, { text: 'Look', attachments: [file] })
      statuses.push(status === 202 ? status : code)
    }
    expect(statuses).toEqual([202, 202, 202, 202, 'quota_exceeded'])
    const run = (await (await server.as(server.owner, path)).json()) as { run: { state: string } }
    expect(run.run.state).toBe('running')
  })

  it('the messages of a run that are not delivered hold at most 16 MiB, and the refusal says what to do', async () => {
    const { server, messages } = await open({}, { interactive: true })
    const file = { ...note, data: Buffer.alloc(4 * 1024 ** 2, 'x').toString('base64') }
    const [first] = await Promise.all(
      [1, 2, 3].map(() => send(server, messages, { text: 'Look', attachments: [file] })),
    )
    const request = { text: 'Look', attachments: [file] }
    const answer = await server.as(server.owner, messages, post(request))
    expect([answer.status, ((await answer.json()) as { detail: string }).detail]).toEqual([
      429,
      'The messages that are not delivered hold 12.0 MiB already, and may hold at most 16.0 MiB together; try again when the agent has read some, or take some back',
    ])
    await server.as(server.owner, `${messages}/${first?.messageId}`, { method: 'DELETE' })
    expect((await send(server, messages, request)).status).toBe(202)
  })

  it.each<[string, unknown[], string[]]>([
    [
      'a media type that agents are not given',
      [{ ...note, mediaType: 'video/mp4' }],
      ['attachments.0.mediaType'],
    ],
    ['a name with folders', [{ ...note, name: '../note.txt' }], ['attachments.0.name']],
    ['too many', Array.from({ length: 9 }, () => note), ['attachments']],
    ['data that is not base64', [note, { ...note, data: 'a*' }], ['attachments.1.data']],
    ['an empty file', [{ ...note, data: '' }], ['attachments.0.data']],
    ['an image that is none', [{ ...note, mediaType: 'image/png' }], ['attachments.0.data']],
    ['text that is not UTF-8', [{ ...note, data: '/w==' }], ['attachments.0.data']],
    ['more than 4 MiB together', [image, image, image], ['attachments']],
  ])('%s is refused by the name of the field', async (_, attachments, paths) => {
    const { server, messages } = await open({}, { interactive: true })
    const answer = await server.as(server.owner, messages, post({ text: 'Look', attachments }))
    const body = (await answer.json()) as { code: string; errors?: { path: string }[] }
    expect([body.code, body.errors?.map(({ path }) => path)]).toEqual(['invalid_request', paths])
    expect(await list(server, messages)).toEqual([])
  })
})

describe('a message to a session', () => {
  it('a message that is sent again under its key is accepted once, and another one under that key is refused', async () => {
    const { server, path, messages } = await open()
    const headers = { 'idempotency-key': 'one' }
    const under = (body: unknown, token = server.owner) => {
      const request = post(body)
      return server.as(token, messages, { ...request, headers: { ...request.headers, ...headers } })
    }
    const answers = await Promise.all([1, 2, 3].map(() => under({ text: 'Mind the tests' })))
    const ids = await Promise.all(
      answers.map(async (one) => ((await one.json()) as { messageId: string }).messageId),
    )
    expect(new Set(ids).size).toBe(1)
    expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202])
    expect(answers.filter(({ headers }) => headers.has('idempotent-replayed'))).toHaveLength(2)
    expect((await list(server, messages)).map(({ id }) => id)).toEqual([ids[0]])
    expect(await refused(under({ text: 'Mind the docs' }))).toEqual([409, 'idempotency_mismatch'])
    expect((await send(server, messages, { text: 'Mind the tests' })).messageId).not.toBe(ids[0])
    await server.as(server.owner, `${path}/abort`, post({}))
    const late = await under({ text: 'Mind the tests' })
    expect([late.status, await late.json()]).toEqual([202, { messageId: ids[0] }])
  })

  it('a text with half of a surrogate pair is the same message when it is sent again', async () => {
    const { server, messages } = await open()
    const request = post({ text: 'half \ud800' })
    const again = { ...request, headers: { ...request.headers, 'idempotency-key': 'half' } }
    // Seen refused: the database had replaced the half.
    const answers = [
      await server.as(server.owner, messages, again),
      await server.as(server.owner, messages, again),
    ]
    expect(answers.map(({ status }) => status)).toEqual([202, 202])
    expect((await list(server, messages)).map(({ text }) => text)).toEqual(['half \ufffd'])
  })

  it('a message is accepted at once, is in the log, and waits where its sender can see it', async () => {
    const { server, path, messages } = await open()
    const sent = await send(server, messages, { text: 'Mind the tests', mode: 'steer' })
    expect(sent).toEqual({ status: 202, messageId: expect.any(String) })
    const message = {
      id: sent.messageId,
      mode: 'steer',
      text: 'Mind the tests',
      user: 'olga',
      state: 'waiting',
    }
    expect(await list(server, messages)).toEqual([{ ...message, at: expect.any(Number) }])
    const one = await server.as(server.owner, `${messages}/${sent.messageId}`)
    expect(await one.json()).toMatchObject({ message })
    expect((await events(server, path)).find(({ type }) => type === 'message:queued')?.data).toEqual({
      messageId: sent.messageId,
      mode: 'steer',
      text: 'Mind the tests',
      user: 'olga',
    })
  })

  it('a message can be taken back once, and another user can neither send, see nor take back', async () => {
    const { server, path, messages } = await open()
    const { messageId } = await send(server, messages, { text: 'Never mind' })
    const one = `${messages}/${messageId}`
    const remove = { method: 'DELETE' }
    for (const at of [one, `${messages}/${nobodys}`]) {
      expect(await refused(server.as(server.other, at, remove))).toEqual([404, 'not_found'])
      expect(await refused(server.as(server.other, at))).toEqual([404, 'not_found'])
    }
    expect(await refused(server.as(server.other, messages))).toEqual([404, 'not_found'])
    expect(await send(server, messages, { text: 'Hello' }, server.other)).toMatchObject({ status: 404 })
    expect(await refused(server.as(server.owner, `${messages}/${nobodys}`, remove))).toEqual([
      404,
      'not_found',
    ])
    const back = await server.as(server.owner, one, remove)
    expect([back.status, await back.json()]).toMatchObject([200, { message: { state: 'withdrawn' } }])
    expect(await refused(server.as(server.owner, one, remove))).toEqual([409, 'message_taken'])
    expect(await list(server, messages)).toEqual([])
    const types = (await events(server, path)).map(({ type }) => type)
    expect(types.filter((type) => type.startsWith('message:'))).toEqual([
      'message:queued',
      'message:withdrawn',
    ])
  })

  it('a message without text, of an unknown mode, or after the end is refused', async () => {
    const { server, path, messages } = await open()
    for (const body of [{}, { text: ' ' }, { text: 'x', mode: 'now' }, { text: 'x'.repeat(262_145) }]) {
      expect(await send(server, messages, body)).toMatchObject({ status: 400, code: 'invalid_request' })
    }
    await server.as(server.owner, `${path}/abort`, post({}))
    expect(await send(server, messages, { text: 'Too late' })).toMatchObject({
      status: 409,
      code: 'run_over',
    })
  })

  it('a job takes no messages', async () => {
    const server = await openSessionServer({
      agent: ({ signal }) => untilAsked(signal).then(() => completed('')),
    })
    const started = await server.as(
      server.owner,
      '/api/runs',
      post({ kind: 'job', project: 'web', tool: 'a' }),
    )
    const { run } = (await started.json()) as { run: { id: string } }
    expect(await send(server, `/api/runs/${run.id}/messages`, { text: 'Hello' })).toMatchObject({
      status: 409,
      code: 'not_listening',
    })
  })

  it('one message too many is refused, and one that is taken back makes room', async () => {
    const { server, messages } = await open()
    const sent = await Promise.all(
      Array.from({ length: 100 }, (_, n) => send(server, messages, { text: `${n}` })),
    )
    expect(await send(server, messages, { text: 'x' })).toMatchObject({
      status: 429,
      code: 'too_many_messages',
    })
    await server.as(server.owner, `${messages}/${sent[7]?.messageId}`, { method: 'DELETE' })
    expect(await send(server, messages, { text: 'x' })).toMatchObject({ status: 202 })
  })
})

describe('an interactive session', () => {
  it('an interactive session answers each message, reports that it waits, and completes when it is finished', async () => {
    const { server, path, messages } = await open(
      { agent: answering },
      { interactive: true, idleSeconds: 60 },
    )
    const types = async () => (await events(server, path)).map(({ type }) => type)
    await until(async () => (await types()).includes('session:idle'))
    for (const text of ['one', 'two'])
      expect(await send(server, messages, { text })).toMatchObject({ status: 202 })
    await until(async () => (await types()).filter((type) => type === 'assistant').length === 2)
    expect((await server.as(server.owner, `${path}/finish`, { method: 'POST' })).status).toBe(200)
    await until(async () => (await types()).includes('completed'))
    expect(await send(server, messages, { text: 'x' })).toMatchObject({ status: 409, code: 'run_over' })
    const said = (await events(server, path)).filter(({ type }) => type === 'assistant')
    expect(said.map(({ data }) => data.answer)).toEqual(['one', 'two'])
  })

  it('a session that is not interactive is not finished from outside, and a stranger finishes none', async () => {
    const { server, path } = await open()
    expect(await refused(server.as(server.owner, `${path}/finish`, { method: 'POST' }))).toEqual([
      409,
      'not_listening',
    ])
    expect(await refused(server.as(server.other, `${path}/finish`, { method: 'POST' }))).toEqual([
      404,
      'not_found',
    ])
  })
})

it('a program that embeds a server talks to its sessions as over HTTP', async () => {
  const { server, id } = await open({}, { interactive: true })
  const { embedded } = server
  const olga = { user: 'olga' }
  const messageId = await embedded.send(id, { text: 'Mind the gap' }, olga)
  expect(await embedded.messages(id, olga)).toMatchObject([{ id: messageId, mode: 'queue', user: 'olga' }])
  await expect(embedded.send(id, { text: ' ' })).rejects.toMatchObject({ code: 'invalid_request' })
  await expect(embedded.messages(id, { user: 'eve' })).rejects.toMatchObject({ code: 'not_found' })
  expect(await embedded.withdraw(id, messageId, olga)).toMatchObject({ state: 'withdrawn' })
  await embedded.finish(id, null, olga)
  await expect(embedded.send(id, { text: 'Too late' })).rejects.toMatchObject({ code: 'not_listening' })
})

it('a run that resumes another reads the messages that were not delivered there', async () => {
  const first: Agent = async ({ run, started, appendTranscript, signal }) => {
    await started()
    await appendTranscript([{ conversation: 'c', subpath: '', json: '{}' }])
    await untilAsked(signal)
    return completed(run.id)
  }
  const agent: Agent = (context) => (context.run.resumes === null ? first : answering)(context)
  const { server, path, messages } = await open({ agent })
  await until(async () => (await events(server, path)).some(({ type }) => type === 'run:started'))
  const { messageId } = await send(server, messages, { text: 'Still here' })
  await server.as(server.owner, `${path}/abort`, post({}))
  expect(await list(server, messages)).toMatchObject([{ id: messageId, state: 'waiting' }])
  const resumed = await server.as(server.owner, `${path}/resume`, { method: 'POST' })
  const { run } = (await resumed.json()) as { run: { id: string } }
  const log = await until(async () => {
    const found = await events(server, `/api/runs/${run.id}`)
    return found.at(-1)?.type === 'completed' ? found : null
  })
  expect(log.map(({ type }) => type)).toEqual([
    'run:queued',
    'message:queued',
    'run:started',
    'message:delivered',
    'assistant',
    'completed',
  ])
  expect(log[1]?.data).toMatchObject({ messageId, text: 'Still here', carriedFrom: path.split('/').at(-1) })
  expect(await list(server, messages)).toEqual([])
})
