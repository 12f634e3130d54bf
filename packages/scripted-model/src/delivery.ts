/** Sends one reply over one response: whole or streamed, at the script's pace, with its troubles. */
import type { ServerResponse } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import type { Holds } from './holds.ts'
import { type Pace, type TimedEvent, toEvents, toMessage } from './message.ts'
import { type ErrorReply, errorStatus, type MessageReply, type Trouble } from './script.ts'

export interface Delivery {
  response: ServerResponse
  holds: Holds
  /** Aborted when the client left or the server closes. */
  signal: AbortSignal
}

const requestId = { 'request-id': 'req_scripted' }
const brokenBytes = Buffer.concat([
  Buffer.from('event: content_block_delta\ndata: {"type":"content_bl'),
  Buffer.from([0xff, 0xfe, 0x00]),
  Buffer.from('\n\n'),
])

/** Resolves when all was sent. Rejects when the client left or the server closes before that. */
export async function deliverStream(
  reply: MessageReply,
  model: string,
  pace: Pace,
  to: Delivery,
): Promise<void> {
  const { trouble } = reply
  if (trouble?.afterEvents === 0) return makeTrouble(trouble, to)
  to.response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    ...requestId,
  })
  for (const [index, timed] of toEvents(reply, model, pace).entries()) {
    if (trouble?.afterEvents === index) return makeTrouble(trouble, to)
    await sendEvent(timed, to)
  }
  if (trouble !== undefined) return makeTrouble(trouble, to)
  to.response.end()
}

/** The answer to a request that wants no stream: holds are kept, pauses are not. */
export async function deliverWhole(reply: MessageReply, model: string, to: Delivery): Promise<void> {
  if (reply.trouble !== undefined) return makeTrouble(reply.trouble, to)
  for (const { hold } of toEvents(reply, model, { pauseMs: 0, deltaChars: Number.MAX_SAFE_INTEGER })) {
    if (hold !== undefined) await to.holds.wait(hold, to.signal)
  }
  answerJson(to.response, 200, toMessage(reply, model), requestId)
}

export function deliverError(
  reply: Pick<ErrorReply, 'error' | 'message' | 'retryAfterSeconds' | 'headers'>,
  scriptName: string,
  response: ServerResponse,
): void {
  const { error, message = `${error} (${scriptName})`, retryAfterSeconds, headers } = reply
  answerJson(response, errorStatus[error], errorBody(error, message), {
    ...requestId,
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
    ...headers,
  })
}

export function answerJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}

async function sendEvent({ event, pauseMs, hold }: TimedEvent, to: Delivery): Promise<void> {
  if (pauseMs > 0) await pause(pauseMs, undefined, { signal: to.signal })
  if (hold !== undefined) await to.holds.wait(hold, to.signal)
  await write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`, to)
}

async function write(bytes: string | Uint8Array, { response, signal }: Delivery): Promise<void> {
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
  const { response, signal } = to
  switch (trouble.kind) {
    case 'stall':
      await new Promise<never>((_resolve, reject) => {
        if (signal.aborted) reject(signal.reason)
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      })
      return
    case 'cut':
      // What was written before is on its way first: the cut is inside the stream, not instead of it.
      if (response.headersSent) await new Promise<void>((sent) => response.write('', () => sent()))
      response.socket?.resetAndDestroy()
      return
    case 'garbage':
      if (!response.headersSent)
        response.writeHead(200, { 'content-type': 'text/event-stream', ...requestId })
      response.end(trouble.bytes === undefined ? brokenBytes : Buffer.from(trouble.bytes, 'base64'))
      return
    case 'error': {
      const body = errorBody(trouble.error, trouble.message ?? trouble.error)
      if (response.headersSent) response.end(`event: error\ndata: ${JSON.stringify(body)}\n\n`)
      else answerJson(response, 500, body, requestId)
      return
    }
    default:
      trouble satisfies never
  }
}

function errorBody(type: string, message: string): Record<string, unknown> {
  return { type: 'error', error: { type, message }, request_id: requestId['request-id'] }
}
