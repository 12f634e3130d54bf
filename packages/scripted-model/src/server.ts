/**
 * The server: speaks enough of the Messages API for an agent to run against it, and answers from a
 * script. It owns the record of requests, the count of each step's uses, and every open response;
 * `close()` ends them all, also those that stall.
 */
import { timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { estimateTokens, type MessagesRequest, messagesRequest, readConversation } from './conversation.ts'
import { answerJson, type Delivery, deliverError, deliverStream, deliverWhole } from './delivery.ts'
import { createHolds } from './holds.ts'
import { findStep } from './matching.ts'
import { loadScript, parseScript, type ReadyScript, type Script } from './script.ts'
import { fill, UnfilledPlaceholder } from './template.ts'

export interface RecordedRequest {
  method: string
  /** Without the query. */
  path: string
  /** As they came, the values of credentials replaced by `[redacted]`. */
  headers: Record<string, string>
  /** Parsed JSON; null when there was none. */
  body: unknown
}

export interface ScriptedModelOptions {
  /** A script, or the path of a JSON file that holds one. */
  script: Script | string
  /** Default: 127.0.0.1. */
  host?: string
  /** Default: 0, any. */
  port?: number
  /** The only key accepted; without it every key is, and none. */
  apiKey?: string
  /** How many requests are kept, the newest; each may hold a whole conversation. Default: 500. */
  keepRequests?: number
}

export interface ScriptedModel {
  /** `http://host:port`, for `ANTHROPIC_BASE_URL`. */
  readonly url: string
  /** The newest last. */
  readonly requests: readonly RecordedRequest[]
  /** Lets so many deltas (default 1) of a `hold` go on. */
  release(hold: string, permits?: number): void
  /** Resolves when replies have arrived at a `hold` so often (default 1) since the start. */
  reached(hold: string, times?: number): Promise<void>
  /** Ends every connection and stops listening. */
  close(): Promise<void>
}

const maxBodyBytes = 64 * 1024 * 1024
const defaultPace = { pauseMs: 0, deltaChars: 24 }

/** @throws ScriptError when the script is not one; the system's error when it cannot listen. */
export async function startScriptedModel(options: ScriptedModelOptions): Promise<ScriptedModel> {
  const script = typeof options.script === 'string' ? loadScript(options.script) : parseScript(options.script)
  const { host = '127.0.0.1', port = 0, apiKey, keepRequests = 500 } = options
  const requests: RecordedRequest[] = []
  const uses = new Map<number, number>()
  const holds = createHolds()
  const closing = new AbortController()

  const server = createServer((request, response) => {
    const left = new AbortController()
    response.once('close', () => left.abort())
    const signal = AbortSignal.any([left.signal, closing.signal])
    answer(request, { response, holds, signal }).catch((error: unknown) => {
      if (signal.aborted || response.destroyed) return
      if (response.headersSent) response.destroy()
      else {
        const type = error instanceof BodyTooLarge ? 'request_too_large' : 'api_error'
        deliverError({ error: type, message: String(error) }, script.name, response)
      }
    })
  })

  async function answer(request: IncomingMessage, delivery: Delivery): Promise<void> {
    const { response } = delivery
    const method = request.method ?? 'GET'
    const path = new URL(request.url ?? '/', 'http://localhost').pathname
    const body = await readJson(request)
    requests.push({ method, path, headers: redacted(request.headers), body })
    requests.splice(0, requests.length - keepRequests)
    const refuse = (error: Parameters<typeof deliverError>[0]['error'], message: string) =>
      deliverError({ error, message }, script.name, response)

    if (apiKey !== undefined && !carriesKey(request, apiKey)) {
      return refuse('authentication_error', 'invalid x-api-key')
    }
    if (method === 'HEAD' && path === '/') {
      response.writeHead(200).end()
      return
    }
    if (method !== 'POST' || (path !== '/v1/messages' && path !== '/v1/messages/count_tokens')) {
      return refuse('not_found_error', `${script.name}: there is no ${method} ${path}`)
    }
    if (path === '/v1/messages/count_tokens') {
      return answerJson(response, 200, { input_tokens: estimateTokens(body) })
    }
    const parsed = messagesRequest.safeParse(body)
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      return refuse('invalid_request_error', `${issue?.path.join('.')}: ${issue?.message}`)
    }
    await answerMessages(parsed.data, delivery)
  }

  async function answerMessages(request: MessagesRequest, delivery: Delivery): Promise<void> {
    const { response } = delivery
    const conversation = readConversation(request)
    const match = findStep(script, conversation, uses)
    if (match === undefined) {
      const last = conversation.text ?? conversation.toolResults.map(({ text }) => text).join('\n')
      const message = `${script.name}: no step is for turn ${conversation.turn}, last message: ${last.slice(0, 200)}`
      return deliverError({ error: 'invalid_request_error', message }, script.name, response)
    }
    uses.set(match.index, (uses.get(match.index) ?? 0) + 1)
    let reply = match.step.reply
    try {
      reply = fill(reply, match.fillings)
    } catch (error) {
      if (!(error instanceof UnfilledPlaceholder)) throw error
      const message = `${script.name}: ${error.message}`
      return deliverError({ error: 'invalid_request_error', message }, script.name, response)
    }
    if (reply.error !== undefined) return deliverError(reply, script.name, response)
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

/** In front of everything but thinking, which the API wants first. */
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

const credentials = new Set(['x-api-key', 'authorization', 'proxy-authorization', 'cookie'])

function redacted(headers: IncomingMessage['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      credentials.has(name) ? '[redacted]' : String(value),
    ]),
  )
}

function carriesKey({ headers }: IncomingMessage, key: string): boolean {
  const given = headers['x-api-key'] ?? headers.authorization?.replace(/^Bearer /i, '') ?? ''
  const [left, right] = [Buffer.from(String(given)), Buffer.from(key)]
  return left.length === right.length && timingSafeEqual(left, right)
}
