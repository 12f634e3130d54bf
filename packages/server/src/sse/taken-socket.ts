/**
 * Takes the connection of a stream away from Node's HTTP server once the head is sent, and gives it back for the next
 * request. What the server holds for a response that is not over (the parser, the request, the response, and what a
 * framework hangs on them) is more than twice what the stream itself needs, and a stream lasts for hours.
 *
 * Node has no call for it. This undoes what `connectionListener` did, with the listeners that it put on the socket, and
 * touches nothing unless all of them are found as they are known: otherwise the server keeps the connection.
 * Injecting a connection, which is how it comes back, is documented (`server.emit('connection', socket)`).
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Server, type Socket } from 'node:net'

/** The listeners of Node's HTTP server on a connection, by event; all are named, most of them are bound. */
const listenerNames = {
  data: 'bound socketOnData',
  end: 'bound socketOnEnd',
  close: 'bound socketOnClose',
  drain: 'bound socketOnDrain',
  error: 'socketOnError',
  timeout: 'socketOnTimeout',
} as const
const ofResponse = 'bound resOnFinish'

/** What Node's HTTP server keeps on a socket. */
interface HttpSocket extends Socket {
  parser?: { incoming: unknown } | null
  _httpMessage?: unknown
  server?: unknown
}

type Listener = (...args: unknown[]) => void

/** Those that a server does not know of while their streams last. */
const taken = new WeakMap<Server, Set<Socket>>()

/** How long a connection that came back may wait for its next request, as Node's `keepAliveTimeout` by default. */
const idleMs = 5000

/**
 * Takes the socket of a response whose head is sent. From then on neither the request nor the response is of any use, and
 * nothing that listened to the response hears of its end. Bytes that arrive go to `onBytes`. Returns false, and changes
 * nothing, where that is not possible: another request is behind this one, or Node is not as it is known.
 */
export function takeSocket(
  req: IncomingMessage,
  res: ServerResponse,
  socket: HttpSocket,
  onBytes: () => void,
): boolean {
  const found = listenersOf(socket)
  const finish = named(res, 'finish', ofResponse)
  const goesOn = !(res as { _last?: boolean })._last
  const alone = goesOn && req.complete && socket.parser?.incoming === req && socket._httpMessage === res
  if (found === null || finish === undefined || !alone || !(socket.server instanceof Server)) return false
  // Node's own wrapper sees this listener, and has the parser give the bytes back to the socket.
  socket.on('data', onBytes)
  const close = found.get('close')
  for (const [event, listener] of found) socket.off(event, listener)
  // Only Node is to believe that the response is over.
  res.removeAllListeners()
  finish.call(res)
  // Without a request the server has nothing to abort: it returns the parser to its pool.
  close?.call(socket)
  socket.setTimeout(0)
  const sockets = taken.get(socket.server) ?? new Set()
  taken.set(socket.server, sockets.add(socket))
  return true
}

/** Called once when nothing more is written to a socket that was taken. */
export function forgetSocket(socket: HttpSocket): void {
  if (socket.server instanceof Server) taken.get(socket.server)?.delete(socket)
}

/** Ends the streams whose connections a server does not know of: a server that closes would wait for them. */
export function endTakenFrom(server: Server): void {
  for (const socket of taken.get(server) ?? []) socket.destroy()
}

/** Returns a connection on which everything of the stream was sent: the server waits for its next request. */
export function giveSocketBack(socket: HttpSocket): void {
  const { server } = socket
  if (socket.destroyed || !socket.writable || !(server instanceof Server)) {
    socket.destroy()
    return
  }
  socket.once('data', () => socket.setTimeout(0))
  server.emit('connection', socket)
  socket.setTimeout(idleMs)
  socket.resume()
}

function listenersOf(socket: Socket): Map<string, Listener> | null {
  const found = new Map<string, Listener>()
  for (const [event, name] of Object.entries(listenerNames)) {
    const listener = named(socket, event, name)
    if (listener === undefined) return null
    found.set(event, listener)
  }
  return found
}

function named(
  emitter: { listeners(event: string): unknown[] },
  event: string,
  name: string,
): Listener | undefined {
  return emitter
    .listeners(event)
    .find((listener): listener is Listener => (listener as Listener).name === name)
}
