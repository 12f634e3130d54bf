/** Sends one reply over one response: whole or streamed, at the script's pace, with its troubles. */
import type { ServerResponse } from 'node:http'
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises'
import type { ErrorBody, Format, Pace, TimedFrame } from './formats/format.ts'
import type { Holds } from './holds.ts'
import { type ErrorReply, type ErrorType, errorStatus, type MessageReply, type Trouble } from './script.ts'

export interface Delivery {
  response: ServerResponse
  format: Format
  holds: Holds
  /** Aborted when the client leaves or the server closes. */
  signal: AbortSignal
  /** Writes of the body carry at most so many bytes. */
  bytesPerWrite: number
}

const requestId = { 'request-id': 'req_scripted' }
const stream = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' }
const brokenBytes = Buffer.concat([
  Buffer.from('event: content_block_delta\ndata: {"type":"content_bl'),
  Buffer.from([0xff, 0xfe, 0x00]),
  Buffer.from('\n\n'),
])

/** Resolves when everything is sent. Rejects if the client leaves or the server closes before that. */
export async function deliverStream(
  reply: MessageReply,
  model: string,
  pace: Pace,
  to: Delivery,
): Promise<void> {
  const { trouble } = reply
  if (trouble?.afterEvents === 0) return makeTrouble(trouble, to)
  to.response.writeHead(200, { ...stream, ...requestId })
  for (const [index, frame] of to.format.frames(reply, model, pace).entries()) {
    if (trouble?.afterEvents === index) return makeTrouble(trouble, to)
    await sendFrame(frame, to)
  }
  if (trouble !== undefined) return makeTrouble(trouble, to)
  to.response.end()
}

/** Answers a request that wants no stream. Respects holds, but not pauses. */
export async function deliverWhole(reply: MessageReply, model: string, to: Delivery): Promise<void> {
  if (reply.trouble !== undefined) return makeTrouble(reply.trouble, to)
  const pace = { pauseMs: 0, deltaChars: Number.MAX_SAFE_INTEGER }
  for (const { hold } of to.format.frames(reply, model, pace)) {
    if (hold !== undefined) await to.holds.wait(hold, to.signal)
  }
  await deliverJson({ status: 200, body: to.format.whole(reply, model) }, requestId, to)
}

export async function deliverError(
  { error, message, retryAfterSeconds, headers }: ErrorReply,
  script: string,
  to: Delivery,
): Promise<void> {
  const retryAfter: Record<string, string> =
    retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }
  await deliverJson(to.format.error(error, message, script), { ...requestId, ...retryAfter, ...headers }, to)
}

export async function deliverJson(
  { status, body }: ErrorBody,
  headers: Record<string, string>,
  to: Delivery,
): Promise<void> {
  to.response.writeHead(status, { 'content-type': 'application/json', ...headers })
  await write(JSON.stringify(body), to)
  to.response.end()
}

async function sendFrame({ text, pauseMs, hold }: TimedFrame, to: Delivery): Promise<void> {
  if (pauseMs > 0) await pause(pauseMs, undefined, { signal: to.signal })
  if (hold !== undefined) await to.holds.wait(hold, to.signal)
  await write(text, to)
}

async function write(text: string, to: Delivery): Promise<void> {
  const bytes = Buffer.from(text)
  if (bytes.length <= to.bytesPerWrite) return writeBytes(bytes, to)
  for (let at = 0; at < bytes.length; at += to.bytesPerWrite) {
    to.signal.throwIfAborted()
    const part = bytes.subarray(at, at + to.bytesPerWrite)
    await new Promise<void>((written) => to.response.write(part, () => written()))
    // Node joins the writes of one turn of its event loop.
    await nextTurn()
  }
}

async function writeBytes(bytes: Buffer, { response, signal }: Delivery): Promise<void> {
  signal.throwIfAborted()
  if (response.write(bytes)) return
  await new Promise<void>((resolve, reject) => {
    const settle = () => {
      response.off('drain', settle)
      signal.removeEventListener('abort', settle)
      if (signal.aborted) reject(signal.reason)
      else resolve()
    }
    response.on('drain', settle)
    signal.addEventListener('abort', settle)
  })
}

async function makeTrouble(trouble: Trouble, to: Delivery): Promise<void> {
  const { response, signal, format } = to
  switch (trouble.kind) {
    case 'stall':
      await new Promise<never>((_resolve, reject) => {
        if (signal.aborted) reject(signal.reason)
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      })
      return
    case 'cut':
      // Waits until the earlier frames are written: the cut is inside the stream, not instead of it.
      if (response.headersSent) await new Promise<void>((sent) => response.write('', () => sent()))
      response.socket?.resetAndDestroy()
      return
    case 'garbage':
      if (!response.headersSent) response.writeHead(200, { ...stream, ...requestId })
      response.end(trouble.bytes === undefined ? brokenBytes : Buffer.from(trouble.bytes, 'base64'))
      return
    case 'error': {
      const message = trouble.message ?? trouble.error
      if (!response.headersSent) {
        const { body } = format.error(isErrorType(trouble.error) ? trouble.error : 'api_error', message, '')
        return deliverJson({ status: 500, body }, requestId, to)
      }
      await write(format.errorFrame(trouble.error, message), to)
      response.end()
      return
    }
    default:
      trouble satisfies never
  }
}

function isErrorType(name: string): name is ErrorType {
  return Object.hasOwn(errorStatus, name)
}
