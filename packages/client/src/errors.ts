/** What goes wrong between a client and a server, and what each of it means for the next attempt. */
import type { ErrorCode, FieldError, Problem } from '@millrace/protocol'

/**
 * - a code of the server's table (docs/protocol.md#8-error-codes): the server refused, `status` is its status;
 * - `unreachable`: nothing answered, or the connection broke;
 * - `bad_answer`: something answered that is not a Millrace server, a proxy's error page for example;
 * - `gave_up`: following failed as often as it may; `cause` is the last failure.
 */
export type ClientErrorCode = ErrorCode | 'unreachable' | 'bad_answer' | 'gave_up'

export class ClientError extends Error {
  override readonly name = 'ClientError'
  readonly code: ClientErrorCode
  /** HTTP status of the answer. Undefined where there was none. */
  readonly status: number | undefined
  /** Which fields of the request are at fault, and what was expected of each. */
  readonly fields: readonly FieldError[]
  /** May the same request succeed later? */
  readonly retry: boolean
  /** How long the server asked to be left alone, in milliseconds. */
  readonly retryAfterMs: number | undefined

  constructor(
    code: ClientErrorCode,
    message: string,
    details: {
      status?: number
      fields?: readonly FieldError[]
      retry?: boolean
      retryAfterMs?: number | undefined
      cause?: unknown
    } = {},
  ) {
    super(message, { cause: details.cause })
    this.code = code
    this.status = details.status
    this.fields = details.fields ?? []
    this.retry = details.retry ?? false
    this.retryAfterMs = details.retryAfterMs
  }
}

/** Statuses after which another attempt makes sense, whoever sent them. */
const passing = new Set([408, 425, 429])

/** Reads a refusal in whatever shape it comes: a problem of the server's, a face's own, or a proxy's page. */
export async function refusalOf(response: Response, now: number): Promise<ClientError> {
  const { status } = response
  const body = (await response.json().catch(() => null)) as Partial<Problem> | null
  const retryAfterMs = retryAfterOf(response.headers.get('retry-after'), now)
  const retry = status >= 500 || passing.has(status)
  if (typeof body?.code === 'string' && typeof body.detail === 'string') {
    const fields = (Array.isArray(body.errors) ? body.errors : []).filter(isFieldError)
    const unnamed = fields.filter(({ path }) => !body.detail?.includes(path))
    const message = [body.detail, ...unnamed.map(({ path, expected }) => `${path}: ${expected}`)].join('\n')
    return new ClientError(body.code, message, { status, fields, retry: body.retry ?? retry, retryAfterMs })
  }
  const said = `${status} ${response.statusText}`.trim()
  const type = response.headers.get('content-type')?.split(';')[0] ?? 'nothing'
  return new ClientError(
    'bad_answer',
    `The answer was ${said} with ${type}, which is no answer of a Millrace server`,
    {
      status,
      retry,
      retryAfterMs,
    },
  )
}

const retryAfterMaxMs = 300_000

/** RFC 9110 section 10.2.3: seconds or a date. Bounded, since a proxy may say anything. */
function retryAfterOf(value: string | null, now: number): number | undefined {
  if (value === null) return undefined
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), retryAfterMaxMs)
}

function isFieldError(field: Partial<FieldError> | null): field is FieldError {
  return typeof field?.path === 'string' && typeof field.expected === 'string'
}

/** `what` happened, with the reason that the runtime gives. */
export function unreachable(what: string, cause: unknown): ClientError {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  const why = inner instanceof Error ? inner.message || inner.name : String(inner)
  return new ClientError('unreachable', `${what}: ${why}`, { retry: true, cause })
}
