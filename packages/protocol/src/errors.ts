/**
 * The closed table of errors. Every failure that can reach a caller has one row: its HTTP status, whether
 * the same request may succeed later, and a title (RFC 9457 `title`). docs/protocol.md#8-error-codes lists it.
 */
export const errorTable = {
  invalid_request: { status: 400, retry: false, title: 'The request is not valid' },
  unauthenticated: { status: 401, retry: false, title: 'No valid credential' },
  auth_unavailable: { status: 503, retry: true, title: 'The identity provider cannot be reached' },
  forbidden: { status: 403, retry: false, title: 'Not allowed' },
  not_found: { status: 404, retry: false, title: 'Not found' },
  method_not_allowed: { status: 405, retry: false, title: 'Method not allowed' },
  request_timeout: { status: 408, retry: true, title: 'The request took too long to arrive' },
  run_over: { status: 409, retry: false, title: 'The run is already over' },
  run_open: { status: 409, retry: true, title: 'The run is not over yet' },
  project_busy: { status: 409, retry: true, title: 'The project already has an active session' },
  not_resumable: { status: 409, retry: false, title: 'The run cannot be resumed' },
  not_mergeable: { status: 409, retry: false, title: 'The worktree cannot be merged' },
  not_listening: { status: 409, retry: false, title: 'The run takes no messages' },
  message_taken: { status: 409, retry: false, title: 'The message was already taken' },
  already_answered: { status: 409, retry: false, title: 'Already answered' },
  fenced: { status: 409, retry: false, title: 'A newer epoch of the producer has begun' },
  sequence_gap: { status: 409, retry: false, title: 'An earlier batch of the producer is missing' },
  idempotency_mismatch: {
    status: 409,
    retry: false,
    title: 'The idempotency key was used for another request',
  },
  stale_attempt: { status: 409, retry: false, title: 'Another attempt of the run is current' },
  payload_too_large: { status: 413, retry: false, title: 'The body is too large' },
  unsupported_media_type: { status: 415, retry: false, title: 'The media type is not supported' },
  misdirected: { status: 421, retry: false, title: 'This host name is not served here' },
  rate_limited: { status: 429, retry: true, title: 'Too many requests' },
  too_many_messages: { status: 429, retry: true, title: 'Too many messages wait' },
  too_many_streams: { status: 429, retry: true, title: 'Too many streams' },
  headers_too_large: { status: 431, retry: false, title: 'The header fields are too large' },
  internal: { status: 500, retry: true, title: 'Internal error' },
  draining: { status: 503, retry: true, title: 'The server is shutting down' },
  storage_full: { status: 503, retry: true, title: 'The disk is full' },
  quota_exceeded: { status: 507, retry: false, title: 'The quota of stored data is used up' },
  storage_away: { status: 503, retry: true, title: 'The database cannot be reached' },
  storage_failed: { status: 503, retry: true, title: 'The store failed' },
  agent_unavailable: { status: 503, retry: false, title: 'No agent can be run' },
  no_worker: { status: 503, retry: true, title: 'No worker has what the run needs' },
  sandbox_unavailable: { status: 503, retry: false, title: 'The sandbox is not available' },
  // The next two fail the start of a server: no request is answered with them.
  invalid_config: { status: 500, retry: false, title: 'The configuration is not valid' },
  data_dir_in_use: { status: 503, retry: true, title: 'Another server uses the data directory' },
} as const satisfies Record<string, { status: number; retry: boolean; title: string }>

export type ErrorCode = keyof typeof errorTable

/** An error that a caller may see: its message is written for callers and holds no secret. */
export class MillraceError extends Error {
  override readonly name: string = 'MillraceError'
  readonly code: ErrorCode
  /** Which input is at fault and what was expected of it, one entry a field. */
  readonly fields: FieldError[] | undefined
  /** Seconds after which a retry makes sense, where known. */
  readonly retryAfter: number | undefined
  /** What a program needs to know besides the code: further members of the problem. */
  readonly details: Record<string, unknown> | undefined

  constructor(
    code: ErrorCode,
    message: string,
    options: {
      fields?: FieldError[]
      retryAfter?: number
      details?: Record<string, unknown> | undefined
      cause?: unknown
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.fields = options.fields && boundedFields(options.fields)
    this.retryAfter = options.retryAfter
    this.details = options.details
  }

  get status(): number {
    return errorTable[this.code].status
  }
}

/** What a thrown value says; anything may be thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** `path` is dotted (`spec.tool`), `expected` a phrase a person understands. */
export interface FieldError {
  path: string
  expected: string
}

const fieldsMax = 20
const pathCharsMax = 200
const expectedCharsMax = 1000
const choicesMax = 20
const choicesCharsMax = 500

/** What a refusal names of the fields at fault: the first of them, shortened, and the number of the others. */
export function boundedFields(fields: readonly FieldError[]): FieldError[] {
  // One more entry is no longer than the one that counts it: so nothing that is bounded is cut again.
  const shown = fields.length <= fieldsMax + 1 ? fields : fields.slice(0, fieldsMax)
  const bounded = shown.map(({ path, expected }) => ({
    path: shortened(path, pathCharsMax),
    expected: shortened(expected, expectedCharsMax),
  }))
  if (shown.length === fields.length) return bounded
  return [...bounded, { path: '…', expected: `${fields.length - fieldsMax} more are at fault` }]
}

/** The fields at fault in one line. */
export function namedFields(fields: readonly FieldError[]): string {
  return boundedFields(fields)
    .map(({ path, expected }) => `${path}: ${expected}`)
    .join('; ')
}

/** A list of choices for a message: the first of them, and the number of the others. */
export function listOf(choices: readonly string[]): string {
  const shown: string[] = []
  let chars = 0
  for (const choice of choices) {
    const text = shortened(choice, pathCharsMax)
    chars += text.length
    if (shown.length === choicesMax || (chars > choicesCharsMax && shown.length > 0)) break
    shown.push(text)
  }
  const more = choices.length - shown.length
  return `${shown.join(', ')}${more === 0 ? '' : `, … and ${more} more`}`
}

function shortened(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : `${text.slice(0, charsMax - 1).toWellFormed()}…`
}

/** RFC 9457 problem details, with our closed `code`. */
export interface Problem {
  type: string
  title: string
  status: number
  detail: string
  code: ErrorCode
  retry: boolean
  errors?: FieldError[]
}

export function toProblem(error: MillraceError): Problem {
  const row = errorTable[error.code]
  return {
    ...error.details,
    type: 'about:blank',
    title: row.title,
    status: row.status,
    detail: error.message,
    code: error.code,
    retry: row.retry,
    ...(error.fields === undefined ? {} : { errors: error.fields }),
  }
}
