/**
 * subscribers-process.ts <port> <count>
 *
 * Opens realtime connections of PocketBase's protocol, all at once, and subscribes each to one topic as soon as it knows its id,
 * over twenty connections that are kept. Raw sockets, so that the load client is not what is measured. Prints how long all took.
 */
import { connect } from 'node:net'
import { KeptConnection } from './kept-connection.ts'

const [port = 0, count = 1000] = process.argv.slice(2).map(Number)
const request = 'GET /api/realtime HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n'
const idle = Array.from({ length: Math.min(20, count) }, () => new KeptConnection(port, ''))
const waiting: ((kept: KeptConnection) => void)[] = []

const startedAt = performance.now()
await Promise.all(Array.from({ length: count }, async () => subscribe(await open())))
console.log(JSON.stringify({ ms: performance.now() - startedAt }))
process.exit(0)

/** Resolves with the id of the client. */
function open(): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let received = ''
    socket.once('connect', () => socket.write(request))
    socket.once('error', reject)
    socket.once('close', () => reject(new Error(`a connection was closed: ${received.slice(0, 200)}`)))
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      received += chunk
      const [, id] = /"clientId":"([^"]+)"/.exec(received) ?? []
      if (id !== undefined) resolve(id)
    })
  })
}

async function subscribe(clientId: string): Promise<void> {
  const kept = idle.pop() ?? (await new Promise<KeptConnection>((resolve) => waiting.push(resolve)))
  const { status } = await kept.post('/api/realtime', JSON.stringify({ clientId, subscriptions: ['bench'] }))
  if (status !== 204) throw new Error(`a subscription was refused: ${status}`)
  const next = waiting.shift()
  if (next === undefined) idle.push(kept)
  else next(kept)
}
