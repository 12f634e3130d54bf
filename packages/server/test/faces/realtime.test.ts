/** The realtime face over real sockets: frames, bodies of refusals, whose events reach whom. */
import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { open, type SseClient } from '#test/delivery/support/sse-client'
import { openRig, post, type Rig } from '#test/security/support/server'

let rig: Rig
beforeAll(async () => {
  rig = await openRig({ config: { realtime: { publicTopics: ['news'] } } })
})
afterAll(() => rig.stop())

interface Connected {
  stream: SseClient
  id: string
  subscribe: (subscriptions: unknown, token?: string | null) => Promise<Response>
  events: (name?: string) => { event: string; data: { action: string; record: Record<string, unknown> } }[]
}

async function connect(): Promise<Connected> {
  const stream = await open(`${rig.url}/api/realtime`)
  await stream.until(({ frames }) => frames.length > 0)
  const id = stream.frames[0]?.id ?? ''
  return {
    stream,
    id,
    subscribe: (subscriptions, token = rig.owner) =>
      fetch(
        `${rig.url}/api/realtime`,
        post({ clientId: id, subscriptions }, token === null ? {} : { authorization: token }),
      ),
    events: (name) =>
      stream.frames
        .filter(({ event }) => event !== 'PB_CONNECT' && (name === undefined || event === name))
        .map(({ event, data }) => ({ event, data: JSON.parse(data) })),
  }
}

const withOptions = (topic: string, options: unknown) =>
  `${topic}?options=${encodeURIComponent(JSON.stringify(options))}`
const publish = (topic: string, data: unknown, token = rig.admin) =>
  rig.as(token, '/api/realtime/publish', post({ topic, data }))

describe('a connection', () => {
  it('a connection begins with its id, byte for byte, and needs no credential', async () => {
    const { stream, id } = await connect()
    expect(stream.status).toBe(200)
    expect(stream.text).toBe(`id: ${id}\nevent: PB_CONNECT\ndata: {"clientId":"${id}"}\n\n`)
    expect(id).toMatch(/^[0-9a-f]{12}-[\w-]{32}$/)
    expect(stream.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      connection: 'keep-alive',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    })
  })

  it('an invalid credential does not prevent a connection', async () => {
    const stream = await open(`${rig.url}/api/realtime`, { headers: { authorization: 'Bearer nonsense' } })
    await stream.until(({ frames }) => frames.length > 0)
  })

  it('HEAD of a connection is answered with its headers alone', async () => {
    const before = await rig.gauge('millrace_realtime_clients')
    const response = await fetch(`${rig.url}/api/realtime`, { method: 'HEAD' })
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
    expect(await rig.gauge('millrace_realtime_clients')).toBe(before)
  })

  it('a connection is forgotten when its client leaves', async () => {
    const { stream, subscribe } = await connect()
    expect((await subscribe(['runs/*'])).status).toBe(204)
    const [clients, subscriptions] = [
      await rig.gauge('millrace_realtime_clients'),
      await rig.gauge('millrace_realtime_subscriptions'),
    ]
    stream.disconnect()
    await expect.poll(() => rig.gauge('millrace_realtime_clients')).toBeLessThan(clients)
    expect(await rig.gauge('millrace_realtime_subscriptions')).toBeLessThan(subscriptions)
    expect((await subscribe(['runs/*'])).status).toBe(404)
  })

  it('a request pipelined behind a connection ends it', async () => {
    const socket = connectSocket(rig.port, '127.0.0.1')
    const got: Buffer[] = []
    socket.on('data', (bytes) => got.push(bytes))
    socket.write('GET /api/realtime HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await expect.poll(() => Buffer.concat(got).toString()).toContain('PB_CONNECT')
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await once(socket, 'close')
    expect(Buffer.concat(got).toString()).not.toContain('"status":"ok"')
  })
})

describe('refusals are those of PocketBase, byte for byte', () => {
  const generic = '"message":"Something went wrong while processing your request.","status":400}'
  const blank = '{"code":"validation_required","message":"Cannot be blank."}'
  const long = (min: number, max: number) =>
    min === 0
      ? `{"code":"validation_length_too_long","message":"The length must be no more than ${max}.","params":{"max":${max},"min":0}}`
      : `{"code":"validation_length_out_of_range","message":"The length must be between 1 and ${max}.","params":{"max":${max},"min":1}}`
  const malformed = '{"code":"validation_match_invalid","message":"Must be in a valid format."}'
  const unsupported = (option: string) =>
    `{"code":"validation_unsupported_option","message":"Unsupported option: ${option}."}`
  const many = (count: number) => Array.from({ length: count }, (_, n) => `topic${n}`)

  it.each<[string, string, string]>([
    ['no body', '', `{"data":{"clientId":${blank}},${generic}`],
    ['null', 'null', `{"data":{"clientId":${blank}},${generic}`],
    ['an empty object', '{}', `{"data":{"clientId":${blank}},${generic}`],
    ['no JSON', '{"clientId":', `{"data":{},${generic}`],
    ['a list', '[]', `{"data":{},${generic}`],
    ['a number as client id', '{"clientId":1}', `{"data":{},${generic}`],
    ['a text as subscriptions', '{"clientId":"a","subscriptions":"b"}', `{"data":{},${generic}`],
    ['a number among them', '{"clientId":"a","subscriptions":["b",1]}', `{"data":{},${generic}`],
    ['an empty client id', '{"clientId":"","subscriptions":[]}', `{"data":{"clientId":${blank}},${generic}`],
    [
      'a long client id',
      JSON.stringify({ clientId: 'c'.repeat(256), subscriptions: [] }),
      `{"data":{"clientId":${long(1, 255)}},${generic}`,
    ],
    [
      'too many subscriptions, and no client id',
      JSON.stringify({ subscriptions: many(1001) }),
      `{"data":{"clientId":${blank},"subscriptions":${long(0, 1000)}},${generic}`,
    ],
    [
      'a long subscription',
      JSON.stringify({ clientId: 'a', subscriptions: ['b', 'c'.repeat(2501)] }),
      `{"data":{"subscriptions":{"1":${long(0, 2500)}}},${generic}`,
    ],
    [
      'lines in a subscription',
      JSON.stringify({ clientId: 'a', subscriptions: ['a\ndata: x', 'b\r', 'fine', 'c\0'] }),
      `{"data":{"subscriptions":{"0":${malformed},"1":${malformed},"3":${malformed}}},${generic}`,
    ],
    [
      'an option that is not supported',
      JSON.stringify({ clientId: 'a', subscriptions: [withOptions('runs/*', { query: { filter: 'a=1' } })] }),
      `{"data":{"subscriptions":{"0":${unsupported('filter')}}},"message":"Unsupported option: filter.","status":400}`,
    ],
    [
      'another, on an own topic',
      JSON.stringify({ clientId: 'a', subscriptions: [withOptions('chat', { query: { expand: 'b' } })] }),
      `{"data":{"subscriptions":{"0":${unsupported('expand')}}},"message":"Unsupported option: expand.","status":400}`,
    ],
    [
      'a modifier of fields',
      JSON.stringify({
        clientId: 'a',
        subscriptions: [withOptions('runs/*', { query: { fields: 'id,spec.prompt:excerpt(9)' } })],
      }),
      `{"data":{"subscriptions":{"0":${unsupported('fields with :excerpt(9)')}}},"message":"Unsupported option: fields with :excerpt(9).","status":400}`,
    ],
    [
      'malformed options',
      JSON.stringify({ clientId: 'a', subscriptions: ['runs/*?options=%7B', 'runs/*?a=b'] }),
      `{"data":{"subscriptions":{"0":${malformed},"1":${malformed}}},"message":"The options must be the JSON of {query, headers}, percent-encoded.","status":400}`,
    ],
  ])('the refusal of a subscription is PocketBase’s, byte for byte: %s', async (_what, body, expected) => {
    const response = await fetch(`${rig.url}/api/realtime`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
    expect([response.status, await response.text()]).toEqual([400, expected])
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
  })

  it('an unknown client is refused', async () => {
    const response = await fetch(
      `${rig.url}/api/realtime`,
      post({ clientId: 'nobody', subscriptions: ['a'] }),
    )
    expect([response.status, await response.text()]).toEqual([
      404,
      '{"data":{},"message":"Missing or invalid client id.","status":404}',
    ])
  })

  it("another user's client is refused, even for an admin and for a guest", async () => {
    const { subscribe } = await connect()
    expect((await subscribe([], null)).status).toBe(204)
    expect((await subscribe(['runs/*'])).status).toBe(204)
    for (const token of [rig.other, rig.admin, rig.expired, 'nonsense', null]) {
      const response = await subscribe(['runs/*'], token)
      expect([response.status, await response.text()]).toEqual([
        403,
        '{"data":{},"message":"The current and the previous request authorization don\'t match.","status":403}',
      ])
    }
    expect((await subscribe([], `Bearer ${rig.owner}`)).status).toBe(204)
  })

  it('publishing is refused to all but admins, and to what is no topic of an application', async () => {
    expect((await publish('news', 1, rig.owner)).status).toBe(403)
    expect((await publish('news', 1, 'nonsense')).status).toBe(401)
    for (const topic of ['runs/*', 'runs', 'projects/web', 'PB_CONNECT', 'a\nb', 'a?options=b', '']) {
      const response = await publish(topic, 1)
      const body = (await response.json()) as { data: Record<string, unknown> }
      expect([topic, response.status, Object.keys(body.data)]).toEqual([topic, 400, ['topic']])
    }
  })
})

describe('subscriptions', () => {
  it('subscriptions up to the limits are accepted, empty ones and PB_CONNECT included, and replace each other', async () => {
    const { subscribe, stream, events } = await connect()
    const full = ['PB_CONNECT', '', ...Array.from({ length: 998 }, (_, n) => `t${n}`.padEnd(2500, 'x'))]
    expect((await subscribe(full)).status).toBe(204)
    expect((await subscribe(['one', 'one', 'two'])).status).toBe(204)
    expect((await subscribe(['two'])).status).toBe(204)
    await publish('one', 1)
    await publish('two', 2)
    await stream.until(() => events().length > 0)
    expect(events()).toEqual([{ event: 'two', data: 2 }])
    expect((await subscribe(undefined)).status).toBe(204)
  })

  it('messages of a subscription with options are named by it, byte for byte', async () => {
    const { subscribe, stream, events, id } = await connect()
    const name = withOptions('chat: ä "1"', { query: { fields: 'a.b,c', room: 1 }, headers: { 'x-a': 'b' } })
    expect((await subscribe([name, 'chat: ä "1"'])).status).toBe(204)
    await publish('chat: ä "1"', { a: { b: 1, x: 2 }, c: [3], d: 4 })
    await stream.until(() => events().length === 2)
    expect(stream.text).toContain(`id: ${id}\nevent: ${name}\ndata: {"a":{"b":1},"c":[3]}\n\n`)
    expect(stream.text).toContain(`event: chat: ä "1"\ndata: {"a":{"b":1,"x":2},"c":[3],"d":4}\n\n`)
  })

  it('guests receive public topics and nothing else', async () => {
    const [guest, user] = [await connect(), await connect()]
    expect((await guest.subscribe(['runs/*', 'projects/*', 'chat', 'news'], null)).status).toBe(204)
    expect((await user.subscribe(['runs/*', 'chat', 'news'])).status).toBe(204)
    const run = await rig.job(rig.owner)
    await publish('chat', 'private')
    await publish('news', 'public')
    await user.stream.until(() => user.events('news').length > 0 && user.events('runs/*').length > 0)
    await guest.stream.until(() => guest.events('news').length > 0)
    expect(guest.events()).toEqual([{ event: 'news', data: 'public' }])
    expect(user.events('runs/*')[0]?.data.record.id).toBe(run)
  })
})

describe('changes of runs', () => {
  it('changes of a run reach those who may see it, in order: create, updates with the last state, delete', async () => {
    const [owner, other, admin] = [await connect(), await connect(), await connect()]
    const topics = ['runs/*', 'projects/*']
    await Promise.all([
      owner.subscribe(topics),
      other.subscribe(topics, rig.other),
      admin.subscribe(topics, rig.admin),
    ])
    const run = await rig.job(rig.owner)
    const of = (who: Connected) => who.events('runs/*').filter(({ data }) => data.record.id === run)
    const ended = (who: Connected) => of(who).at(-1)?.data.record.state === 'completed'
    await Promise.all([owner, admin].map((who) => who.stream.until(() => ended(who))))
    const whole = (await (await rig.as(rig.owner, `/api/runs/${run}`)).json()) as { run: object }
    expect(of(owner).at(-1)?.data).toEqual({ action: 'update', record: whole.run })
    expect((await rig.as(rig.admin, '/api/admin/prune', post({ days: 0.0000001 }))).status).toBe(200)
    await Promise.all(
      [owner, admin].map((who) => who.stream.until(() => of(who).at(-1)?.data.action === 'delete')),
    )
    for (const who of [owner, admin]) {
      const actions = of(who).map(({ data }) => data.action)
      expect(actions[0]).toBe('create')
      expect(actions.slice(1, -1).every((action) => action === 'update')).toBe(true)
      const heads = of(who).map(({ data }) => Number(data.record.head))
      expect(heads).toEqual([...heads].sort((a, b) => a - b))
    }
    // The last event of the other's own run arrives after everything before it.
    const own = await rig.job(rig.other)
    await other.stream.until(() =>
      other.events('runs/*').some(({ data }) => data.record.state === 'completed'),
    )
    expect(new Set(other.events('runs/*').map(({ data }) => data.record.id))).toEqual(new Set([own]))
    await other.stream.until(() => other.events('projects/*').length > 0)
    for (const { data } of other.events('projects/*')) {
      expect(data.record).toMatchObject({ id: 'here', lastRun: { id: own } })
    }
  })

  it('a subscription to one run receives only the requested fields', async () => {
    const { subscribe, stream, events } = await connect()
    const run = await rig.job(rig.owner, 'wait')
    const name = withOptions(`runs/${run}`, { query: { fields: 'id,state,spec.tool' } })
    expect((await subscribe([name, 'runs/00000000-0000-4000-8000-000000000000'])).status).toBe(204)
    await rig.as(rig.owner, `/api/runs/${run}/abort`, { method: 'POST' })
    await stream.until(() => events(name).at(-1)?.data.record.state === 'aborted')
    expect(events(name).at(-1)?.data).toEqual({
      action: 'update',
      record: { id: run, state: 'aborted', spec: { tool: 'wait' } },
    })
    await rig.job(rig.owner)
    expect(events().every(({ event }) => event === name)).toBe(true)
  })

  it("changes of another user's run never arrive, whatever is subscribed", async () => {
    const other = await connect()
    const run = await rig.job(rig.owner, 'wait')
    await other.subscribe([`runs/${run}`, 'runs/*', 'projects/here', 'runs', 'runs/'], rig.other)
    await rig.as(rig.owner, `/api/runs/${run}/abort`, { method: 'POST' })
    const own = await rig.job(rig.other)
    await other.stream.until(() =>
      other.events('runs/*').some(({ data }) => data.record.state === 'completed'),
    )
    expect(other.stream.text).not.toContain(run)
    expect(other.stream.text).toContain(own)
  })
})

describe('the end of a connection', () => {
  it('a connection ends with the credential it subscribed with, not with one it has replaced', async () => {
    const [first, second] = [await rig.newToken('olga'), await rig.newToken('olga')]
    const { subscribe, stream } = await connect()
    expect((await subscribe(['runs/*'], first.token)).status).toBe(204)
    expect((await subscribe(['runs/*', 'news'], second.token)).status).toBe(204)
    await rig.file.revoke(first.credential.id, Date.now())
    const other = await connect()
    await other.subscribe(['news'], first.token)
    await publish('news', 1)
    await stream.until(({ frames }) => frames.some(({ event }) => event === 'news'))
    await rig.file.revoke(second.credential.id, Date.now())
    await stream.end()
    expect((await subscribe(['runs/*'])).status).toBe(404)
  })

  it('at the cap of a user who keeps up the next connection is refused, and guests have no such cap', async () => {
    const small = await openRig({ config: { limits: { streamsPerUser: 1 } } })
    try {
      const ids: string[] = []
      for (let n = 0; n < 3; n++) {
        const stream = await open(`${small.url}/api/realtime`)
        await stream.until(({ frames }) => frames.length > 0)
        ids.push(stream.frames[0]?.id ?? '')
      }
      const subscribe = (clientId?: string) =>
        small.as(small.owner, '/api/realtime', post({ clientId, subscriptions: ['runs/*'] }))
      expect((await subscribe(ids[0])).status).toBe(204)
      expect((await subscribe(ids[0])).status).toBe(204)
      const refused = await subscribe(ids[1])
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '5'])
      expect(await refused.json()).toMatchObject({ data: {}, status: 429 })
    } finally {
      await small.stop()
    }
  })

  it('a connection whose subscriptions were refused for lack of room takes no place of the user', async () => {
    const small = await openRig({ config: { limits: { streamsPerUser: 7 } } })
    try {
      const full = Array.from({ length: 1000 }, (_, n) => `t${n}`.padEnd(2500, 'x'))
      const connectAnd = async (subscriptions: string[]) => {
        const stream = await open(`${small.url}/api/realtime`)
        await stream.until(({ frames }) => frames.length > 0)
        const clientId = stream.frames[0]?.id ?? ''
        return (await small.as(small.owner, '/api/realtime', post({ clientId, subscriptions }))).status
      }
      const answers: number[] = []
      for (let n = 0; n < 7; n++) answers.push(await connectAnd(full))
      expect(answers).toEqual([204, 204, 204, 204, 204, 204, 429])
      expect([await connectAnd(['one']), await connectAnd(['one'])]).toEqual([204, 429])
    } finally {
      await small.stop()
    }
  })

  it('a stop ends connections after their last messages', async () => {
    const going = await openRig()
    const stream = await open(`${going.url}/api/realtime`)
    await stream.until(({ frames }) => frames.length > 0)
    const clientId = stream.frames[0]?.id
    await going.as(going.owner, '/api/realtime', post({ clientId, subscriptions: ['runs/*'] }))
    const run = await going.job(going.owner, 'wait')
    await stream.until(({ text }) => text.includes('"state":"running"'))
    await going.stop()
    await stream.end()
    expect(stream.ended).toBe(true)
    const last = stream.frames.at(-1)
    expect(JSON.parse(last?.data ?? '{}')).toMatchObject({
      action: 'update',
      record: { id: run, state: 'interrupted' },
    })
  })
})
