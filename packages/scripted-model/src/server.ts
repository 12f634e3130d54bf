/**
 * The server: speaks enough of the Messages API for an agent to run against it, and answers from a
 * script. It owns the record of requests, the count of each step's uses, and every open response;
 * `close()` ends them all, also those that stall.
 */
import { timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ZodError } from 'zod'
import { estimateTokens, type MessagesRequest, readConversation } from './conversation.ts'
import { type Delivery, deliverError, deliverJson, deliverStream, deliverWhole } from './delivery.ts'
import { defaultFormat, findFormat } from './formats/formats.ts'
import { createHolds } from './holds.ts'
import { findStep } from './matching.ts'
import { type ErrorType, loadScript, parseScript, type ReadyScript, type Script } from './script.ts'
import { fill, UnfilledPlaceholder } from './template.ts'

export interface RecordedRequest {
  method: string
  /** Without the query. */
  path: string
  /** The original headers, with `[redacted]` for the values of credentials. */
  headers: Record<string, string>
  /** The parsed JSON; null if there was none. */
  body: unknown
}

export interface ScriptedModelOptions {
  /** A script, or the path of a JSON file that holds one. */
  script: Script | string
  /** Default: 127.0.0.1. */
  host?: string
  /** Default: 0, any. */
  port?: number
  /** The only accepted key. Default: any key, or none. */
  apiKey?: string
  /** How many of the newest requests are kept. Each may hold a whole conversation. Default: 500. */
  keepRequests?: number
  /** Bytes of a body per write; 1 splits it at every byte. Default: a whole frame. */
  bytesPerWrite?: number
}

export interface ScriptedModel {
  /**
   * `http://host:port`. A client of the Messages API takes it as it is (`ANTHROPIC_BASE_URL`), one of
   * OpenAI with `/v1` after it, one of Google with `/v1beta`.
   */
  readonly url: string
  /** The newest last. */
  readonly requests: readonly RecordedRequest[]
  /** Lets this many deltas (default 1) of a `hold` pass. */
  release(hold: string, permits?: number): void
  /** Resolves once replies have arrived at a `hold` this many times (default 1) since the start. */
  reached(hold: string, times?: number): Promise<void>
  /** Ends every connection and stops listening. */
  close(): Promise<void>
}

const maxBodyBytes = 64 * 1024 * 1024
const defaultPace = { pauseMs: 0, deltaChars: 24 }

/** @throws ScriptError if the script is invalid; the system's error if it cannot listen. */
export async function startScriptedModel(options: ScriptedModelOptions): Promise<ScriptedModel> {
  const script = typeof options.script === 'string' ? loadScript(options.script) : parseScript(options.script)
  const { host = '127.0.0.1', port = 0, apiKey, keepRequests = 500 } = options
  const { bytesPerWrite = Number.MAX_SAFE_INTEGER } = options
  const requests: RecordedRequest[] = []
  const uses = new Map<number, number>()
  const holds = createHolds()
  const closing = new AbortController()

  const server = createServer((request, response) => {
    const left = new AbortController()
    response.once('close', () => left.abort())
    const signal = AbortSignal.any([left.signal, closing.signal])
    const path = new URL(request.url ?? '/', 'http://localhost').pathname
    const found = findFormat(path)
    const delivery = { response, holds, signal, bytesPerWrite, format: found?.format ?? defaultFormat }
    answer(request, path, found, delivery).catch((error: unknown) => {
      if (signal.aborted || response.destroyed) return
      if (response.headersSent) return response.destroy()
      const type = error instanceof BodyTooLarge ? 'request_too_large' : 'api_error'
      void refuse(type, String(error), delivery)
    })
  })

  const refuse = (error: ErrorType, message: string, to: Delivery) =>
    deliverError({ error, message }, script.name, to)

  async function answer(
    request: IncomingMessage,
    path: string,
    found: ReturnType<typeof findFormat>,
    delivery: Delivery,
  ): Promise<void> {
    const { response } = delivery
    const method = request.method ?? 'GET'
    const body = await readJson(request)
    requests.push({ method, path, headers: redacted(request.headers), body })
    requests.splice(0, requests.length - keepRequests)

    if (apiKey !== undefined && !carriesKey(request, apiKey)) {
      return refuse('authentication_error', 'invalid x-api-key', delivery)
    }
    if (method === 'HEAD' && path === '/') {
      response.writeHead(200).end()
      return
    }
    if (method === 'POST' && path === '/v1/messages/count_tokens') {
      return deliverJson({ status: 200, body: { input_tokens: estimateTokens(body) } }, {}, delivery)
    }
    if (method !== 'POST' || found === null) {
      return refuse('not_found_error', `${script.name}: there is no ${method} ${path}`, delivery)
    }
    let asked: MessagesRequest
    try {
      asked = found.format.read(body, found.asked)
    } catch (error) {
      if (!(error instanceof ZodError)) throw error
      const [issue] = error.issues
      return refuse('invalid_request_error', `${issue?.path.join('.')}: ${issue?.message}`, delivery)
    }
    await answerConversation(asked, delivery)
  }

  async function answerConversation(request: MessagesRequest, delivery: Delivery): Promise<void> {
    const conversation = readConversation(request)
    const match = findStep(script, conversation, uses)
    if (match === undefined) {
      const last = conversation.text ?? conversation.toolResults.map(({ text }) => text).join('\n')
      const message = `${script.name}: no step is for turn ${conversation.turn}, last message: ${last.slice(0, 200)}`
      return refuse('invalid_request_error', message, delivery)
    }
    uses.set(match.index, (uses.get(match.index) ?? 0) + 1)
    let reply = match.step.reply
    try {
      reply = fill(reply, match.fillings)
    } catch (error) {
      if (!(error instanceof UnfilledPlaceholder)) throw error
      return refuse('invalid_request_error', `${script.name}: ${error.message}`, delivery)
    }
    if (reply.error !== undefined) return deliverError(reply, script.name, delivery)
    const announced = conversation.turn === 1 ? announce(reply, script.announce) : reply
    const model = script.model ?? request.model
    if (request.stream === true) await deliverStream(announced, model, paceOf(script), delivery)
    else await deliverWhole(announced, model, delivery)
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })

  return {
    url: urlOf(server.address() as AddressInfo),
    requests,
    release: (hold, permits = 1) => holds.release(hold, permits),
    reached: (hold, times = 1) => holds.reached(hold, times),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        closing.abort()
        server.closeAllConnections()
      }),
  }
}

type MessageReply = Extract<ReadyScript['steps'][number]['reply'], { content: unknown }>

/** Puts the announcement before everything but thinking, which the API wants first. */
function announce(reply: MessageReply, text: string | undefined): MessageReply {
  if (text === undefined) return reply
  const at = reply.content.findIndex(({ type }) => type !== 'thinking')
  const place = at === -1 ? reply.content.length : at
  return { ...reply, content: reply.content.toSpliced(place, 0, { type: 'text', text }) }
}

function paceOf({ pauseMs, deltaChars }: ReadyScript): { pauseMs: number; deltaChars: number } {
  return { pauseMs: pauseMs ?? defaultPace.pauseMs, deltaChars: deltaChars ?? defaultPace.deltaChars }
}

function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge'
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBodyBytes) throw new BodyTooLarge(`a body over ${maxBodyBytes} bytes`)
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    return null
  }
}

const credentials = new Set(['x-api-key', 'x-goog-api-key', 'authorization', 'proxy-authorization', 'cookie'])

function redacted(headers: IncomingMessage['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      credentials.has(name) ? '[redacted]' : String(value),
    ]),
  )
}

function carriesKey({ headers }: IncomingMessage, key: string): boolean {
  const bearer = headers.authorization?.replace(/^Bearer /i, '')
  const given = headers['x-api-key'] ?? headers['x-goog-api-key'] ?? bearer ?? ''
  const [left, right] = [Buffer.from(String(given)), Buffer.from(key)]
  return left.length === right.length && timingSafeEqual(left, right)
}
