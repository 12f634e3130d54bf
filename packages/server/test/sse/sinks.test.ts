import { randomBytes } from 'node:crypto'
import { Agent, createServer, request } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import { type AddressInfo, connect } from 'node:net'
import { createGunzip } from 'node:zlib'
import { ManualClock } from '@millrace/test-support/manual-clock'
import { until } from '@millrace/test-support/until'
import fastify from 'fastify'
import { expect, onTestFinished, test } from 'vitest'
import { Delivery } from '#delivery/delivery'
import { expectNothingLeft } from '#test/delivery/support/leftovers'
import { MemoryLog } from '#test/delivery/support/memory-log'
import { open } from '#test/delivery/support/sse-client'
import { type StreamServer, startStreamServer } from '#test/delivery/support/stream-server'
import { localWakeups } from '#wakeups/local'
import { Wakeups } from '#wakeups/wakeups'

expectNothingLeft()

function filled(count: number, bytes: number): MemoryLog {
  const log = new MemoryLog()
  log.create('run')
  for (let n = 0; n < count; n += 50) log.appendMany('run', Math.min(50, count - n), bytes)
  return log
}

/** The whole conversation of a plain connection, as bytes. */
async function converse(server: StreamServer, text: string): Promise<string> {
  const socket = connect(server.port, '127.0.0.1')
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  let heard = ''
  socket.setEncoding('latin1').on('data', (data) => {
    heard += data
  })
  socket.write(text)
  await new Promise((resolve) => socket.once('close', resolve))
  return heard
}

/** Straight to a socket that was taken from the HTTP server, and to one that is still its own. */
const ways = [{ ownConnection: true }, { ownConnection: false }]

test('early and late followers receive the same bytes, whether straight from the socket or through the response', async () => {
  const log = filled(500, 300)
  const raw = await startStreamServer({ log, delivery: { ringBytes: 60_000, batchBytes: 4000 } })
  const wrapped = await startStreamServer({
    log,
    wrap: (_req, res) => {
      const write = res.write
      res.write = function (this: typeof res, ...args: Parameters<typeof write>) {
        return write.apply(this, args)
      } as typeof write
    },
  })
  const gzip = await startStreamServer({ log, stream: { compress: true } })
  const early = await Promise.all([
    open(`${raw.url}/run`),
    open(`${wrapped.url}/run`),
    open(`${gzip.url}/run`),
  ])
  for (let n = 0; n < 200; n++) {
    log.appendMany('run', 1, 200)
    if (n % 7 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  log.append('run', [{ type: 'complete', data: { text: 'grüße 🎡' } }], true)
  const late = await Promise.all([open(`${raw.url}/run?after=0`), open(`${wrapped.url}/run`)])
  const texts = await Promise.all([...early, ...late].map(async (client) => (await client.end()).text))
  expect(early[0]?.ids).toEqual(Array.from({ length: 701 }, (_, n) => n + 1))
  for (const text of texts) expect(text).toBe(texts[0])
})

test.each(ways)(
  'after a stream has ended, the same connection serves the next request (%o)',
  async (stream) => {
    const log = filled(3, 10)
    log.append('run', [{ type: 'complete', data: 1 }], true)
    const { url, sockets } = await startStreamServer({ log, stream })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    onTestFinished(() => agent.destroy())
    const first = await (await open(`${url}/run`, { agent })).end()
    const second = await (await open(`${url}/run?after=1`, { agent })).end()
    const third = await (await open(`${url}/run?after=4`, { agent })).end()
    expect([first.ids, second.ids, third.status]).toEqual([[1, 2, 3, 4], [2, 3, 4], 204])
    expect(sockets.size).toBe(1)
    const [socket] = sockets
    // Listeners that streams add to the socket are gone with them.
    expect(socket?.listenerCount('drain')).toBe(1)
  },
)

test.each(ways)(
  'a pipelined second request ends the connection, and no byte of the first answer is wrong (%o)',
  async (stream) => {
    const log = filled(3, 10)
    const server = await startStreamServer({ log, stream })
    const get = 'GET /run HTTP/1.1\r\nHost: x\r\n\r\n'
    const socket = connect(server.port, '127.0.0.1')
    socket.on('error', () => {})
    let heard = ''
    socket.setEncoding('latin1').on('data', (data) => {
      heard += data
    })
    socket.write(get)
    await until(() => heard.includes('id: 3'))
    socket.write(get)
    await new Promise((resolve) => socket.once('close', resolve))
    expect(heard.match(/HTTP\/1\.1 200/g)).toHaveLength(1)
    const [, body = ''] = heard.split('\r\n\r\n', 2)
    expect(body).toMatch(/^[0-9a-f]+\r\nid: 1\n/)
    expect(server.delivery.stats().followers).toBe(0)
  },
)

test.each(ways)(
  'two requests sent at once are either answered in order or cut, never mixed (%o)',
  async (stream) => {
    const log = filled(2, 10)
    log.append('run', [{ type: 'complete', data: 1 }], true)
    const server = await startStreamServer({ log, stream })
    const get = 'GET /run HTTP/1.1\r\nHost: x\r\n\r\n'
    const heard = await converse(server, `${get}${get.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')}`)
    const answers = heard.split(/(?=HTTP\/1\.1 )/)
    for (const answer of answers)
      expect(answer.match(/^id: \d$/gm) ?? []).toEqual(['id: 1', 'id: 2', 'id: 3'])
  },
)

test.each(ways)(
  'a client that sends Connection: close has its connection closed after the stream (%o)',
  async (stream) => {
    const log = filled(2, 10)
    log.append('run', [{ type: 'complete', data: 1 }], true)
    const server = await startStreamServer({ log, stream })
    const heard = await converse(server, 'GET /run HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    expect(heard).toMatch(/id: 3\nevent: complete\ndata: 1\n\n\r\n0\r\n\r\n$/)
  },
)

test('an HTTP/1.0 client receives plain bytes, and the end of the connection as the end', async () => {
  const log = filled(2, 10)
  log.append('run', [{ type: 'complete', data: 1 }], true)
  const server = await startStreamServer({ log })
  const heard = await converse(server, 'GET /run HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
  expect(heard).toContain('Connection: close')
  expect(heard).not.toContain('Transfer-Encoding')
  expect(heard.split('\r\n\r\n')[1]).toMatch(/^id: 1\n[\s\S]*event: complete\ndata: 1\n\n$/)
})

test('over HTTP/2 a stream has no connection header and ends cleanly', async () => {
  const log = filled(5, 10)
  const delivery = new Delivery({ store: log, wakeups: new Wakeups([localWakeups(log)]) })
  const server = createHttp2Server(async (req, res) => {
    await delivery.stream({
      // The compatibility API is close enough to be served through the response.
      req: req as never,
      res: res as never,
      runId: 'run',
      heartbeat: { intervalMs: 1000, text: 'x' },
      compress: false,
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  onTestFinished(async () => {
    client.destroy()
    delivery.close()
    await new Promise((resolve) => server.close(resolve))
  })
  const stream = client.request({ ':path': '/run' })
  let text = ''
  let headers: Record<string, unknown> = {}
  stream.setEncoding('utf8')
  stream.on('response', (got) => {
    headers = got
  })
  stream.on('data', (data: string) => {
    text += data
  })
  await until(() => text.includes('id: 5\n'))
  log.append('run', [{ type: 'complete', data: 1 }], true)
  await new Promise((resolve) => stream.once('end', resolve))
  expect(headers).toMatchObject({ ':status': 200, 'content-type': 'text/event-stream' })
  expect(headers).not.toHaveProperty('connection')
  expect(text.match(/^id: /gm)).toHaveLength(6)
  await until(() => delivery.stats().followers === 0)
})

test('a gzip stream shows each event before the next is sent', async () => {
  const log = filled(0, 0)
  const { url } = await startStreamServer({ log, stream: { compress: true } })
  const req = request(`${url}/run`, { agent: false, headers: { 'accept-encoding': 'br, gzip;q=0.5' } })
  onTestFinished(() => void req.destroy())
  const response = await new Promise<import('node:http').IncomingMessage>((resolve) =>
    req.end().once('response', resolve),
  )
  expect(response.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' })
  let text = ''
  const plain = response.pipe(createGunzip()).setEncoding('utf8')
  plain.on('data', (data: string) => {
    text += data
  })
  for (let n = 1; n <= 5; n++) {
    log.appendMany('run', 1, 500)
    await until(() => text.includes(`id: ${n}\n`) && text.endsWith('\n\n'))
  }
  const ended = new Promise((resolve) => plain.once('end', resolve))
  log.append('run', [{ type: 'complete', data: 1 }], true)
  await ended
  expect(text.match(/^id: /gm)).toHaveLength(6)
})

test('without gzip in Accept-Encoding, or with its weight at zero, nothing is compressed', async () => {
  const log = filled(1, 10)
  log.append('run', [{ type: 'complete', data: 1 }], true)
  const { url } = await startStreamServer({ log, stream: { compress: true } })
  for (const accept of [{}, { 'accept-encoding': 'gzip;q=0, br' }]) {
    const client = await (await open(`${url}/run`, { headers: accept })).end()
    expect(client.headers['content-encoding']).toBeUndefined()
    expect(client.headers.vary).toBe('Accept-Encoding')
    expect(client.ids).toEqual([1, 2])
  }
})

const sinkKinds = [
  ['straight to the socket', {}],
  ['through the response', { wrapped: true }],
  ['compressed', { compress: true }],
] as const

test.each(sinkKinds)(
  'a client that stops reading costs one batch and a buffer, not the log (%s)',
  async (_name, kind) => {
    const clock = new ManualClock()
    const log = new MemoryLog()
    log.create('run')
    // Hard to compress, so that the compressed log is not small.
    const noise = Array.from({ length: 100 }, () => randomBytes(1650).toString('base64'))
    for (let n = 0; n < 8000; n++) log.append('run', [{ type: 'output', data: { n, noise: noise[n % 100] } }])
    const server = await startStreamServer({
      log,
      delivery: { clock },
      stream: { compress: 'compress' in kind },
      wrap: (_req, res) => {
        if (!('wrapped' in kind)) return
        const write = res.write.bind(res)
        res.write = write
      },
    })
    const headers = 'compress' in kind ? { 'accept-encoding': 'gzip' } : {}
    const paused = await open(`${server.url}/run`, { headers })
    paused.response.pause()
    const [stalledSocket] = server.sockets
    // Stalled: for a while the kernel accepts nothing more.
    let quiet = 0
    let sent = -1
    await until(() => {
      quiet = stalledSocket?.writableNeedDrain === true && stalledSocket.bytesWritten === sent ? quiet + 1 : 0
      sent = stalledSocket?.bytesWritten ?? -1
      return quiet === 30
    })
    expect(server.delivery.stats().stalled).toBe(1)
    const readers = await Promise.all(Array.from({ length: 100 }, () => open(`${server.url}/run?after=7900`)))
    await Promise.all(readers.map((reader) => reader.until(({ text }) => text.includes('id: 8000\n'))))
    // The backed-up follower gets no heartbeat; the others get theirs.
    clock.advance(15_000)
    await Promise.all(readers.map((reader) => reader.until(({ text }) => text.endsWith(': heartbeat\n\n'))))
    expect(stalledSocket?.bytesWritten).toBe(sent)
    // One batch, and what Node's stream accepts before it is full, twice where zlib has a buffer too.
    expect(stalledSocket?.writableLength).toBeLessThanOrEqual(2 * 64 * 1024 + 8192)
    expect(stalledSocket?.writableLength).toBeGreaterThan(0)
    expect(server.delivery.stats().ringBytes).toBeLessThan(2 * 1024 * 1024 + 64 * 1024)
    for (const reader of readers) reader.disconnect()
    if ('compress' in kind) return
    // The follower has lost nothing.
    log.append('run', [{ type: 'complete', data: 1 }], true)
    paused.response.resume()
    await paused.end()
    expect(paused.text).not.toContain('heartbeat')
    expect(paused.ids).toEqual(Array.from({ length: 8001 }, (_, n) => n + 1))
  },
  30_000,
)

test('a server with a clientError handler of its own survives clients that vanish during a write', async () => {
  const log = filled(0, 0)
  const { url, delivery, sockets, server } = await startStreamServer({ log })
  server.on('clientError', (_error, socket) => socket.destroy())
  const clients = await Promise.all(Array.from({ length: 30 }, () => open(`${url}/run`)))
  await until(() => delivery.stats().followers === 30)
  for (const [n, client] of clients.entries()) {
    log.appendMany('run', 20, 2000)
    if (n % 2 === 0) client.disconnect()
    else client.response.destroy()
    if (n % 5 === 0) for (const socket of [...sockets].slice(0, 1)) socket.resetAndDestroy()
  }
  await until(() => delivery.stats().followers === 0 && sockets.size === 0)
  expect(delivery.stats()).toMatchObject({ feeds: 0, ringBytes: 0 })
})

test('nothing is written to a response that is already over', async () => {
  const log = filled(1, 1)
  const delivery = new Delivery({ store: log, wakeups: new Wakeups([localWakeups(log)]) })
  const server = createServer((req, res) => {
    res.end('done')
    void delivery.stream({ req, res, runId: 'run', heartbeat: { intervalMs: 0, text: '' }, compress: false })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    delivery.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const client = await open(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  expect((await client.end()).text).toBe('done')
  expect(delivery.stats()).toMatchObject({ followers: 0, feeds: 0 })
})

test('a request that Fastify injects receives the whole log, and leaves nothing behind', async () => {
  const log = filled(3, 10)
  log.append('run', [{ type: 'complete', data: 1 }], true)
  const delivery = new Delivery({ store: log, wakeups: new Wakeups([localWakeups(log)]) })
  const app = fastify()
  app.get('/', async (request, reply) => {
    const options = { heartbeat: { intervalMs: 1000, text: 'x' }, compress: false }
    await delivery.stream({ req: request.raw, res: reply.raw, runId: 'run', ...options })
    return reply.hijack()
  })
  const answer = await app.inject('/')
  expect(answer.headers['content-type']).toBe('text/event-stream')
  expect(answer.body.match(/^id: /gm)).toHaveLength(4)
  await until(() => delivery.stats().followers === 0)
  expect(delivery.stats().feeds).toBe(0)
  delivery.close()
  await app.close()
})
