/** A connection that is taken from the HTTP server for a stream, and comes back (test/sse/sinks.test.ts drives both ways). */
import { once } from 'node:events'
import { connect } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { until } from '@millrace/test-support/until'
import { expect, onTestFinished, test } from 'vitest'
import { endTakenFrom } from '#sse/taken-socket'
import { expectNothingLeft } from '#test/delivery/support/leftovers'
import { MemoryLog } from '#test/delivery/support/memory-log'
import { startStreamServer } from '#test/delivery/support/stream-server'

expectNothingLeft()

function client(port: number) {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  const heard = { text: '' }
  socket.on('error', () => {})
  socket.on('data', (text) => {
    heard.text += text
  })
  onTestFinished(() => void socket.destroy())
  return { socket, heard, get: (target: string) => socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`) }
}

function log(): MemoryLog {
  const made = new MemoryLog()
  made.create('run')
  made.appendMany('run', 3, 10)
  return made
}

const isWhole = (text: string) => text.endsWith('0\r\n\r\n')

const detached = (server: { results: { outcome: string; handle?: { detached: boolean } }[] }) =>
  server.results.map((result) => result.handle?.detached)

test('a stream holds neither its request nor its response, nor a parser', async () => {
  const gone: string[] = []
  const registry = new FinalizationRegistry<string>((name) => void gone.push(name))
  const server = await startStreamServer({
    log: log(),
    wrap: (req, res) => {
      registry.register(req, 'request')
      registry.register(res, 'response')
    },
  })
  const { heard, get } = client(server.port)
  get('/run')
  await until(() => heard.text.includes('id: 3'))
  expect(detached(server)).toEqual([true])
  const [socket] = server.sockets
  expect((socket as unknown as { parser: unknown }).parser).toBeNull()
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  await until(() => {
    collect()
    return gone.length === 2
  })
  expect(gone.toSorted()).toEqual(['request', 'response'])
})

test('a connection that came back serves requests and further streams, and is closed when it stays idle', async () => {
  const ended = log()
  ended.append('run', [{ type: 'complete', data: 1 }], true)
  const server = await startStreamServer({ log: ended })
  const { socket, heard, get } = client(server.port)
  for (const count of [1, 2, 3]) {
    get('/run')
    await until(() => heard.text.split('event: complete').length === count + 1 && isWhole(heard.text))
    get('/missing')
    await until(() => heard.text.split('404 Not Found').length === count + 1)
  }
  expect(detached(server).filter(Boolean)).toHaveLength(3)
  expect(server.sockets.size).toBe(1)
  expect([...server.sockets][0]?.listenerCount('data')).toBe(1)
  get('/run')
  await until(() => heard.text.split('event: complete').length === 5 && isWhole(heard.text))
  expect([...server.sockets][0]?.timeout).toBe(5000)
  socket.destroy()
})

test('a server that closes all connections closes those that came back', async () => {
  const ended = log()
  ended.append('run', [{ type: 'complete', data: 1 }], true)
  const server = await startStreamServer({ log: ended })
  const { socket, heard, get } = client(server.port)
  get('/run')
  await until(() => isWhole(heard.text))
  await turn()
  server.server.closeAllConnections()
  await once(socket, 'close')
})

test('a server of our own that closes ends streams whose connections were taken, and does not wait for them', async () => {
  const server = await startStreamServer({ log: log() })
  const { socket, heard, get } = client(server.port)
  get('/run')
  await until(() => heard.text.includes('id: 3'))
  expect(detached(server)).toEqual([true])
  const closed = once(server.server, 'close')
  endTakenFrom(server.server)
  server.server.close()
  await Promise.all([closed, once(socket, 'close')])
  await until(() => server.delivery.stats().followers === 0)
})

test('a client that ends its half of the connection is no longer followed', async () => {
  const server = await startStreamServer({ log: log() })
  const { socket, heard, get } = client(server.port)
  get('/run')
  await until(() => heard.text.includes('id: 3'))
  socket.end()
  await once(socket, 'close')
  await until(() => server.delivery.stats().followers === 0)
})

test('a server whose listeners are not those that are known keeps its connections', async () => {
  const server = await startStreamServer({
    log: log(),
    wrap: ({ socket }) => {
      const [listener] = socket.listeners('drain')
      if (listener === undefined) return
      socket.off('drain', listener as () => void)
      socket.on('drain', (...args) => listener.apply(socket, args))
    },
  })
  const { heard, get } = client(server.port)
  get('/run')
  await until(() => heard.text.includes('id: 3'))
  expect(detached(server)).toEqual([false])
})

test('a request that is behind the one of a stream has the server keep the connection', async () => {
  const server = await startStreamServer({ log: log() })
  const { socket, heard } = client(server.port)
  const get = 'GET /run HTTP/1.1\r\nHost: x\r\n\r\n'
  socket.write(get + get)
  await until(() => heard.text.includes('id: 3'))
  expect(detached(server)[0]).toBe(false)
})
