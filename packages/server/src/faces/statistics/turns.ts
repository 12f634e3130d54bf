/**
 * Reads for each caller one at a time, and lets few wait.
 *
 * Owns how many readings of each caller are not over.
 */
import { MillraceError } from '@millrace/protocol'

/** Of one caller, the one at work included. */
const readingsMost = 4

export class CallerTurns {
  readonly #callers = new Map<string, { count: number; last: Promise<unknown> }>()

  /** Throws `rate_limited` where too many wait. */
  read<T>(caller: string, read: () => Promise<T>): Promise<T> {
    const known = this.#callers.get(caller) ?? { count: 0, last: Promise.resolve() }
    if (known.count >= readingsMost)
      throw new MillraceError('rate_limited', 'Statistics of several periods are being counted already', {
        retryAfter: 1,
      })
    const answer = known.last.then(read)
    known.count += 1
    const over = () => {
      known.count -= 1
      if (known.count === 0) this.#callers.delete(caller)
    }
    known.last = answer.then(over, over)
    this.#callers.set(caller, known)
    return answer
  }
}
