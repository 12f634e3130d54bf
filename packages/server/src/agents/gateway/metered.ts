/**
 * Forwards a request for a message within the budget of the run: reads its body first, bounds its answer by what the
 * rest of the budget pays for, and counts the usage that the answer reports while it passes.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { ExecutionFailure } from '#agents/spending/meter'
import { UsageReader } from './answer-usage.ts'
import type { PricedBody } from './body.ts'
import { type Admission, type Budget, budgetStatus } from './budget.ts'
import { framed, pass, refuse, requestTo } from './forward.ts'
import { forwardedHeaders } from './headers.ts'
import { BodyProblem } from './json-object.ts'
import type { Way } from './way.ts'

interface Parts {
  way: Way
  budget: Budget
  /** The size of all bodies that the gateway holds. */
  held: { bytes: number }
  /** Aborted when the gateway closes. */
  closing: AbortSignal
}

/** The API refuses longer requests. */
const bodyBytesMax = 32 * 1024 ** 2
/** For all requests of a run together. */
const heldBytesMax = 4 * bodyBytesMax
const countMs = 10_000

export async function passMessage(
  request: IncomingMessage,
  response: ServerResponse,
  parts: Parts,
): Promise<void> {
  const { way, budget, held } = parts
  const { vendor } = way
  const target = request.url ?? ''
  const left = new AbortController()
  response.on('close', () => left.abort())
  const body = vendor.body(target)
  request.on('error', () => {})
  try {
    if (request.headers['content-encoding'] !== undefined) throw new BodyProblem('the body is encoded')
    await readInto(body, request, held)
    const asked = body.end()
    const count = () => countTokens(body.toCount(), request, way, left.signal)
    const admission = await budget.admit(asked, count, left.signal)
    if (left.signal.aborted) admission.settle({ kind: 'broken', usage: null, bytes: 0 })
    else await forward(request, response, body.withMaxTokens(admission.maxTokens), admission, parts)
  } catch (error) {
    if (response.destroyed) return
    if (error instanceof ExecutionFailure) {
      refuse(
        response,
        vendor,
        budgetStatus,
        'permission_error',
        `The budget of this run does not allow the request. ${error.message}`,
      )
    } else if (error instanceof TooLarge) refuse(response, vendor, 413, 'request_too_large', error.message)
    else if (error instanceof BodyProblem)
      refuse(response, vendor, 400, 'invalid_request_error', error.message)
    else refuse(response, vendor, 500, 'api_error', 'the request could not be read')
  } finally {
    held.bytes -= body.bytes
  }
}

class TooLarge extends Error {
  override readonly name = 'TooLarge'
}

async function readInto(body: PricedBody, request: IncomingMessage, held: { bytes: number }): Promise<void> {
  const pieces = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
  for await (const piece of pieces) {
    if (body.bytes + piece.length > bodyBytesMax || held.bytes + piece.length > heldBytesMax) {
      throw new TooLarge('the request is too large')
    }
    // Throws before it counts a piece that it refuses.
    body.take(piece)
    held.bytes += piece.length
  }
}

/** Resolves when the request to the API is over. */
function forward(
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
  admission: Admission,
  { way, closing }: Parts,
): Promise<void> {
  let reader: UsageReader | null = null
  let isRefused = false
  const outgoing = pass(request, response, way, {
    body,
    answered(answer) {
      isRefused = (answer.statusCode ?? 0) >= 300
      const usage = new UsageReader(answer, way.vendor.usage)
      reader = usage
      answer.on('end', () => {
        usage.end()
        if (!isRefused) admission.settle({ kind: 'whole', usage: usage.complete })
      })
      return (piece) => {
        usage.take(piece)
        // Before the agent has the last piece and makes its next request.
        if (usage.complete !== null && !isRefused) admission.settle({ kind: 'whole', usage: usage.complete })
      }
    },
  })
  const broken = () =>
    admission.settle({
      kind: 'broken',
      usage: isRefused ? null : (reader?.seen ?? null),
      bytes: isRefused ? 0 : (reader?.bytes ?? 0),
    })
  if (outgoing === null) {
    broken()
    return Promise.resolve()
  }
  let isLeft = false
  response.on('close', () => {
    // A run that is over makes no further request: what its last answers have reported so far counts.
    isLeft = !response.writableFinished && !closing.aborted
  })
  return new Promise((resolve) => {
    outgoing.on('close', () => {
      if (isLeft) admission.settle({ kind: 'left' })
      else broken()
      resolve()
    })
  })
}

/** Asks the API for the size of the request. Resolves with null if it gives none. */
function countTokens(
  body: Buffer,
  request: IncomingMessage,
  way: Way,
  signal: AbortSignal,
): Promise<number | null> {
  const { promise, resolve } = Promise.withResolvers<number | null>()
  const counting = way.vendor.counts(request.url ?? '')
  if (counting === null) return Promise.resolve(null)
  const headers = framed(forwardedHeaders(request, way), body)
  const outgoing = requestTo(way, { method: 'POST', url: counting.target }, headers)
  if (outgoing === null) return Promise.resolve(null)
  const give = () => outgoing.destroy()
  signal.addEventListener('abort', give)
  outgoing.setTimeout(countMs, give)
  outgoing.on('error', () => resolve(null))
  outgoing.on('close', () => {
    signal.removeEventListener('abort', give)
    resolve(null)
  })
  outgoing.on('response', (answer) => {
    const pieces: Buffer[] = []
    answer.on('data', (piece: Buffer) => pieces.push(piece))
    answer.on('error', () => resolve(null))
    answer.on('end', () =>
      resolve(answer.statusCode === 200 ? tokensIn(Buffer.concat(pieces), counting.field) : null),
    )
  })
  outgoing.end(body)
  return promise
}

function tokensIn(body: Buffer, field: string): number | null {
  try {
    const { [field]: tokens } = JSON.parse(body.toString()) as Record<string, unknown>
    return typeof tokens === 'number' && Number.isFinite(tokens) && tokens >= 0 ? tokens : null
  } catch {
    return null
  }
}
