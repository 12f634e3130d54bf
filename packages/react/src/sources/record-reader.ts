/**
 * Reads the record of a run, until the server has given or refused it.
 *
 * Owns the request and the wait before the next one. Invariants: there is one request at a time; what is asked for
 * during a request is asked for again after it, so that the answer is never older than the question; after `close()`
 * nothing is asked for and nothing is handed on.
 */
import {
  type Backoff,
  type Client,
  ClientError,
  type Clock,
  defaultBackoff,
  systemClock,
  waitMs,
} from '@millrace/client'
import type { Run } from '@millrace/protocol'
import { answerMsMax, unanswered } from './one-at-a-time.ts'

/** `refused`: another request would not help. `failed`: it may, and `failures` have failed in a row. */
export type RecordAnswer =
  | { kind: 'read'; run: Run }
  | { kind: 'refused' }
  | { kind: 'failed'; failures: number }

export class RecordReader {
  readonly #client: Client
  readonly #runId: string
  readonly #take: (answer: RecordAnswer) => boolean
  readonly #clock: Clock
  readonly #backoff: Backoff
  readonly #leave = new AbortController()
  #last: RecordAnswer['kind'] | null = null
  #failures = 0
  #isAsking = false
  #isAskedAgain = false
  #isResting = false
  #cancelWait: (() => void) | null = null

  /** `take` returns false where the answer was not good enough: then it is asked for again, after a wait. */
  constructor(
    client: Client,
    runId: string,
    { clock = systemClock, backoff = defaultBackoff }: { clock?: Clock; backoff?: Backoff },
    take: (answer: RecordAnswer) => boolean,
  ) {
    this.#client = client
    this.#runId = runId
    this.#clock = clock
    this.#backoff = backoff
    this.#take = take
  }

  /** Asks now. */
  ask(): void {
    this.#cancelWaiting()
    this.#isResting = false
    this.#isAskedAgain = this.#isAsking
    if (this.#isAsking) return
    this.#isAsking = true
    this.#read().then(
      (run) => this.#answered({ kind: 'read', run }, 0),
      (error: unknown) => {
        if (isRefusal(error)) this.#answered({ kind: 'refused' }, 0)
        else this.#answered({ kind: 'failed', failures: this.#failures + 1 }, retryAfterOf(error))
      },
    )
  }

  /** Asks, unless it is being asked for or waited for. */
  want(): void {
    if (!this.#isAsking && this.#cancelWait === null) this.ask()
  }

  /** The server can be reached again. */
  wake(): void {
    if (this.#last === 'failed') this.ask()
  }

  /** Somebody wants to know, whatever was answered last. */
  retry(): void {
    if (this.#last === 'failed' || this.#last === 'refused') this.ask()
  }

  /** Asks no more, until it is asked to. */
  rest(): void {
    this.#isResting = true
    this.#cancelWaiting()
  }

  close(): void {
    this.#leave.abort()
    this.#cancelWaiting()
  }

  async #read(): Promise<Run> {
    const request = new AbortController()
    const leave = () => request.abort()
    this.#leave.signal.addEventListener('abort', leave)
    const cancel = this.#clock.after(answerMsMax, () => request.abort(unanswered()))
    try {
      return await this.#client.get(this.#runId, { signal: request.signal })
    } finally {
      cancel()
      this.#leave.signal.removeEventListener('abort', leave)
    }
  }

  #answered(answer: RecordAnswer, waitAtLeastMs: number): void {
    if (this.#leave.signal.aborted) return
    this.#isAsking = false
    const isEnough = this.#take(answer)
    this.#last = answer.kind === 'read' && !isEnough ? 'failed' : answer.kind
    this.#failures = this.#last === 'failed' ? this.#failures + 1 : 0
    // `take` may have asked again, or left.
    if (this.#isAsking || this.#leave.signal.aborted) return
    if (this.#isAskedAgain) {
      this.ask()
      return
    }
    if (isEnough || this.#isResting) return
    const backedOff = waitMs(this.#failures - 1, this.#backoff, this.#clock.random())
    this.#cancelWait = this.#clock.after(Math.max(backedOff, waitAtLeastMs), () => {
      this.#cancelWait = null
      this.ask()
    })
  }

  #cancelWaiting(): void {
    this.#cancelWait?.()
    this.#cancelWait = null
  }
}

/** A server's own no, be it to the run or to the caller. A page of a proxy with a good status is none. */
function isRefusal(error: unknown): boolean {
  return error instanceof ClientError && !error.retry && (error.status ?? 0) >= 400
}

function retryAfterOf(error: unknown): number {
  return error instanceof ClientError ? (error.retryAfterMs ?? 0) : 0
}
