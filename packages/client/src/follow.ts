/**
 * Follows a run to its end, across lost connections and restarts of the server.
 *
 * Owns the cursor: the `seq` of the last event handed out. Invariants: every event is handed out once and in order;
 * where the server cannot continue from the cursor it sends `reset`, and so do we; a stream that ends before the
 * run's log is complete is a lost connection, however clean its end looks.
 */
import type { ResetData } from '@millrace/protocol'
import { type Backoff, type Clock, defaultBackoff, pause, systemClock, waitMs } from './clock.ts'
import { type Connection, send } from './connection.ts'
import { ClientError, refusalOf } from './errors.ts'
import { framesOf, unlessSilent } from './frames.ts'

/**
 * `connecting`: the first connection is being made. `open`: events arrive as they happen. `reconnecting`: the connection
 * was lost, or could not be made; another attempt follows. `closed`: the run is over and everything was handed out, or
 * the caller left. `failed`: no further attempt follows; `retry()` continues from the last event.
 */
export type FollowStatus = 'connecting' | 'open' | 'reconnecting' | 'closed' | 'failed'

/** An event of the log; or the notice that the cursor is no longer valid, and that the log is sent again from `firstSeq`. */
export type Followed<Events = Record<string, unknown>> =
  | { [Type in keyof Events & string]: { seq: number; type: Type; data: Events[Type] } }[keyof Events &
      string]
  | { seq: null; type: 'reset'; data: ResetData }

export interface FollowOptions<Events = Record<string, unknown>> {
  /** The last event seen; the ones after it are sent. Default: 0, the whole log. */
  after?: number
  /** `epoch` of an earlier following. Another one means that the numbers mean something else: `reset`. */
  epoch?: string
  /** Only these types, besides the terminal event and `reset`. */
  types?: readonly string[]
  /** Ends the following when it aborts. */
  signal?: AbortSignal
  /**
   * Called for each event. With it, following begins at once; without it, when the caller iterates. A callback that
   * throws ends the following, as a loop that throws does; the runtime reports the error.
   */
  onEvent?(event: Exclude<Followed<Events>, { type: 'reset' }>): void
  /** Called when the caller must forget what it has received: the log follows again from `firstSeq`. */
  onReset?(reset: ResetData): void
  /** Called for each change. `error` says why it is `reconnecting` or `failed`. */
  onStatus?(status: FollowStatus, error?: ClientError): void
  /** How many attempts in a row may fail before it gives up. Default: 5. */
  attempts?: number
  /** How long it may be without a connection before it gives up, in milliseconds. Default: no limit. */
  giveUpAfterMs?: number
  /** Waits between attempts; each is a random part of its bound. Default: 1 s, doubled up to 30 s. */
  backoff?: Backoff
  /** Silence after which a connection counts as dead. Default: 75 s; the server sends heartbeats every 15 or 30 s. */
  silenceMs?: number
  /** Is an error that is otherwise final worth another attempt? Default: no. */
  isPassing?(error: ClientError): boolean
  clock?: Clock
}

export interface Following<Events = Record<string, unknown>> extends AsyncIterable<Followed<Events>> {
  readonly status: FollowStatus
  /** The last event handed out, and the log's identity: what `after` and `epoch` of a later following take. */
  readonly cursor: number
  readonly epoch: string | undefined
  /** After `failed`: continues from the cursor. A caller that iterates begins a new iteration instead. */
  retry(): void
  close(): void
}

/** Types that end the log of a run of some kind. After one of them a clean end of the stream may be the end. */
const terminalTypes =
  /^(complete|error|completed|errored|aborted|interrupted|execution:(complete|error|interrupted))$/
/** A stream that lasted this long was a connection, and no failed attempt. */
const settledMs = 1000

export function follow<Events = Record<string, unknown>>(
  connection: Connection,
  runId: string,
  options: FollowOptions<Events> = {},
): Following<Events> {
  return new Follow(connection, runId, options as FollowOptions) as unknown as Following<Events>
}

class Follow implements Following {
  status: FollowStatus = 'connecting'
  cursor: number
  epoch: string | undefined
  readonly #connection: Connection
  readonly #runId: string
  readonly #options: FollowOptions
  readonly #clock: Clock
  readonly #leave = new AbortController()
  #started = false
  /** The status that the caller was notified of. */
  #announced: FollowStatus | null = null

  constructor(connection: Connection, runId: string, options: FollowOptions) {
    this.#connection = connection
    this.#runId = runId
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.cursor = options.after ?? 0
    this.epoch = options.epoch
    const { signal } = options
    if (signal?.aborted) this.close()
    else signal?.addEventListener('abort', () => this.close(), { once: true, signal: this.#leave.signal })
    if (options.onEvent !== undefined) this.#deliver()
  }

  close(): void {
    this.#leave.abort()
    this.#become('closed')
  }

  retry(): void {
    if (this.status === 'failed' && this.#options.onEvent !== undefined) this.#deliver()
  }

  [Symbol.asyncIterator](): AsyncGenerator<Followed, void, void> {
    return this.#events()
  }

  async #deliver(): Promise<void> {
    try {
      for await (const event of this.#events()) {
        if (event.seq !== null) this.#options.onEvent?.(event as never)
      }
    } catch (error) {
      if (error instanceof ClientError) return // `onStatus` has said so.
      // The caller's own callback threw: that is for the runtime to report, as for any callback.
      queueMicrotask(() => {
        throw error
      })
    }
  }

  async *#events(): AsyncGenerator<Followed, void, void> {
    const { signal } = this.#leave
    if (signal.aborted) return
    if (this.#started && this.status !== 'failed')
      throw new TypeError('One run is followed by one reader at a time')
    this.#become(this.#started ? 'reconnecting' : 'connecting')
    this.#started = true
    const { attempts = 5, giveUpAfterMs = Number.POSITIVE_INFINITY } = this.#options
    let failed = 0
    let lostAt: number | null = null
    let isGivenUp = false
    try {
      while (!signal.aborted) {
        const stream: Stream = { settled: false, last: '' }
        let error: ClientError | null = null
        try {
          if (yield* this.#connect(stream)) return
        } catch (thrown) {
          if (signal.aborted) return
          if (!(thrown instanceof ClientError)) throw thrown
          error = thrown
        }
        failed = stream.settled ? 0 : failed + 1
        if (stream.settled || lostAt === null) lostAt = this.#clock.now()
        // Most often it was the end. The next request finds out, and there is no reason to wait or to worry.
        if (error === null && terminalTypes.test(stream.last)) continue
        error ??= new ClientError('unreachable', 'The server ended the stream before the end of the run', {
          retry: true,
        })
        const left = lostAt + giveUpAfterMs - this.#clock.now()
        const isFinal = !error.retry && !this.#options.isPassing?.(error)
        if (isFinal || failed >= attempts || left <= 0) {
          isGivenUp = true
          if (!isFinal) error = gaveUp(failed, error)
          this.#become('failed', error)
          throw error
        }
        this.#become('reconnecting', error)
        const { backoff = defaultBackoff } = this.#options
        const backedOff = waitMs(Math.max(failed - 1, 0), backoff, this.#clock.random())
        const wait = Math.max(backedOff, error.retryAfterMs ?? 0)
        await pause(this.#clock, Math.min(wait, left), signal).catch(() => {})
      }
    } finally {
      // Not by the status: a caller that is notified of `failed` may have called `retry()` already.
      if (!isGivenUp) this.close()
    }
  }

  /** One connection, which is gone when this returns. True when the log is complete. */
  async *#connect(stream: Stream): AsyncGenerator<Followed, boolean, void> {
    const connection = new AbortController()
    const end = () => connection.abort()
    this.#leave.signal.addEventListener('abort', end, { signal: connection.signal })
    try {
      const { silenceMs = 75_000 } = this.#options
      const response = await unlessSilent(this.#open(connection.signal), silenceMs, this.#clock)
      return response === null || (yield* this.#stream(stream, response, silenceMs))
    } finally {
      end()
    }
  }

  async *#stream(
    stream: Stream,
    response: Response,
    silenceMs: number,
  ): AsyncGenerator<Followed, boolean, void> {
    const clock = this.#clock
    this.epoch ??= epochOf(response)
    const openedAt = clock.now()
    let heardAt = openedAt
    this.#become('open')
    try {
      for await (const { id, type, data } of framesOf(response, silenceMs, clock, () => {
        heardAt = clock.now()
      })) {
        if (this.#leave.signal.aborted) return true
        if (type === 'reset' && id === undefined) {
          const reset = resetIn(data)
          this.cursor = reset.firstSeq - 1
          this.epoch = epochOf(response)
          stream.settled = true
          this.#options.onReset?.(reset)
          yield { seq: null, type, data: reset }
          continue
        }
        const seq = Number(id)
        if (!Number.isSafeInteger(seq) || seq <= this.cursor) continue
        // Before the cursor moves: an event that arrived broken is asked for again.
        const value = parsed(data)
        this.cursor = seq
        stream.settled = true
        stream.last = type
        yield { seq, type, data: value }
      }
    } finally {
      const now = clock.now()
      // The time of silence after which it was given up proves nothing.
      stream.settled ||=
        now - heardAt < silenceMs ? now - openedAt > settledMs : heardAt - openedAt > settledMs
    }
    return false
  }

  /** Null when the log is complete and the cursor at its end. */
  async #open(signal: AbortSignal): Promise<Response | null> {
    const { types } = this.#options
    const response = await send(this.#connection, {
      path: `/api/runs/${encodeURIComponent(this.#runId)}/events`,
      query: { types: types?.join(',') },
      headers: {
        accept: 'text/event-stream',
        ...(this.cursor === 0 ? {} : { 'last-event-id': String(this.cursor) }),
        ...(this.epoch === undefined ? {} : { 'millrace-epoch': this.epoch }),
      },
      signal,
    })
    if (response.status === 204) return null
    if (!response.ok) throw await refusalOf(response, Date.now())
    if (response.headers.get('content-type')?.startsWith('text/event-stream')) return response
    throw new ClientError(
      'bad_answer',
      `${response.url} answered with something that is not an event stream`,
      {
        status: response.status,
        retry: true,
      },
    )
  }

  #become(status: FollowStatus, error?: ClientError): void {
    this.status = status
    if (status === this.#announced) return
    this.#announced = status
    this.#options.onStatus?.(status, error)
  }
}

interface Stream {
  /** It was a connection worth the name: `failed` attempts before it no longer count. */
  settled: boolean
  /** Type of the last event. */
  last: string
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch (cause) {
    throw new ClientError('bad_answer', 'An event arrived broken', { retry: true, cause })
  }
}

function resetIn(data: string): ResetData {
  const reset = parsed(data) as ResetData | null
  // Events are counted from here on: a number that is none would let every one of them through again.
  if (Number.isSafeInteger(reset?.firstSeq) && (reset as ResetData).firstSeq > 0) return reset as ResetData
  throw new ClientError('bad_answer', 'A reset arrived broken', { retry: true })
}

function epochOf(response: Response): string | undefined {
  return response.headers.get('millrace-epoch') ?? undefined
}

function gaveUp(attempts: number, cause: ClientError): ClientError {
  const details = { cause, ...(cause.status === undefined ? {} : { status: cause.status }) }
  return new ClientError('gave_up', `Gave up after ${attempts} failed attempts: ${cause.message}`, details)
}
