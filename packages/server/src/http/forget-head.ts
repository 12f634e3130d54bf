/**
 * Lets go of the heads of a request and its response once the response's has been sent. Node keeps
 * both for as long as the response lives, which for a stream is hours: a quarter of the heap of a follower that waits
 * (bench/README.md).
 *
 * Only for connections of our own server: in a host application somebody may still ask for a header
 * when the stream ends. Node has no call for all of it; where it names things otherwise than looked
 * for here, it keeps them, and that is all.
 */
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'

/** Where a response keeps the headers that were set on it. */
const storedHeaders = Object.getOwnPropertySymbols(
  new ServerResponse(new IncomingMessage(new Socket())),
).find((symbol) => symbol.description === 'kOutHeaders')
/** Node asks only whether there is a head; what was sent is of no more use. */
const sentHead = 'HTTP/1.1 200 OK\r\n\r\n'

interface StoredHead {
  _header?: unknown
  [storedHeaders: symbol]: unknown
}

/** Does nothing before the head is sent. Afterwards neither of the two knows a header any more. */
export function forgetHead(request: IncomingMessage, response: ServerResponse): void {
  if (!response.headersSent) return
  request.headers = {}
  request.rawHeaders = []
  const stored = response as ServerResponse & StoredHead
  if (storedHeaders !== undefined && storedHeaders in stored) stored[storedHeaders] = null
  if (typeof stored._header === 'string') stored._header = sentHead
}
