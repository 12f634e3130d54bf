/**
 * `fetch` for the provider packages, over `node:http`: through the server's proxy if it has one, and without
 * a limit on the time until an answer begins. A local model may need minutes for that.
 *
 * Owns: the connections of one agent, until `close()`.
 */
import { type Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { pipeline, type Readable } from 'node:stream'
import { connectionTo } from '#agents/connection'
import { ExecutionFailure } from '#agents/spending/meter'
import { EventLines, noStream, RefusalBody } from './events.ts'

export interface ModelTransport {
  readonly fetch: typeof fetch
  /** Ends every connection. Idempotent. */
  close(): void
}

export function openTransport(proxyEnv: NodeJS.ProcessEnv | undefined): ModelTransport {
  /** By origin: a provider has one. */
  const agents = new Map<string, Agent>()
  const agentFor = (url: URL): Agent => {
    const agent = agents.get(url.origin) ?? connectionTo(url, proxyEnv)
    agents.set(url.origin, agent)
    return agent
  }
  return {
    fetch: (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input)
      return send(url, init, agentFor(url), url.protocol === 'https:' ? httpsRequest : httpRequest)
    },
    close: () => {
      for (const agent of agents.values()) agent.destroy()
    },
  }
}

function send(
  url: URL,
  init: RequestInit | undefined,
  agent: Agent,
  request: typeof httpRequest,
): Promise<Response> {
  const { method = 'GET', headers, body, signal } = init ?? {}
  if (body !== undefined && body !== null && typeof body !== 'string') {
    return Promise.reject(new TypeError('only bodies of text are sent to a model'))
  }
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method,
      agent,
      headers: Object.fromEntries(new Headers(headers)),
      ...(signal ? { signal } : {}),
    })
    // The provider packages know a lost connection by this name.
    const fail = (cause: unknown) => {
      const isFinal = signal?.aborted || cause instanceof ExecutionFailure
      reject(isFinal ? cause : new TypeError('fetch failed', { cause }))
    }
    outgoing.on('error', fail)
    outgoing.on('response', (incoming) => {
      try {
        resolve(toResponse(incoming, url.host))
      } catch (error) {
        incoming.destroy()
        fail(error)
      }
    })
    outgoing.end(body ?? undefined)
  })
}

/** Statuses that have no body. */
const bodiless = [204, 205, 304]

/** @throws where the answer is not one of HTTP (Node's parser lets more pass), or a web page. */
function toResponse(incoming: IncomingMessage, host: string): Response {
  const status = incoming.statusCode ?? 502
  if (status < 200 || status > 599) throw new Error(`it answered with status ${status}`)
  const headers = new Headers()
  for (const [name, value] of Object.entries(incoming.headers)) {
    for (const each of Array.isArray(value) ? value : [value ?? '']) headers.append(name, each)
  }
  if (bodiless.includes(status)) {
    incoming.resume()
    return new Response(null, { status, headers })
  }
  if (status < 300 && headers.get('content-type')?.startsWith('text/html')) {
    throw new ExecutionFailure('provider_error', noStream(host, null))
  }
  const body = status < 300 ? new EventLines(host) : new RefusalBody()
  // Whoever reads the body learns of errors.
  pipeline(incoming, body, () => {})
  return new Response(readableOf(body), { status, headers })
}

/** As `Readable.toWeb`, which throws where nobody can catch it if a stream is destroyed while it has something to give. */
function readableOf(body: Readable): ReadableStream<Uint8Array> {
  const pieces = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await pieces.next()
        if (done === true) controller.close()
        else controller.enqueue(value)
      },
      cancel: () => void body.destroy(),
    },
    { highWaterMark: 0 },
  )
}
