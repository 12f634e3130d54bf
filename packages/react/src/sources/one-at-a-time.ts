/** Readings of one thing, of which one is under way at a time. */
import { ClientError } from '@millrace/client'

/** A connection may die without a word: a request that is not answered for this long is given up. */
export const answerMsMax = 30_000

export const unanswered = () =>
  new ClientError('unreachable', 'The server did not answer in time', { retry: true })

export interface Reader {
  /** What is asked for while a reading is under way is read once more after it: the answer is never older. */
  read(): void
  readIfIdle(): void
}

interface Reading {
  heardAt: number
  end(reason: ClientError): void
}

/**
 * `read` calls `heard` for each answer, and ends when its signal aborts: with `leave`, or, at the next call of the
 * reader, because nothing was heard for too long.
 */
export function oneAtATime(
  leave: AbortSignal,
  read: (signal: AbortSignal, heard: () => void) => Promise<void>,
): Reader {
  let reading: Reading | null = null
  let isAskedAgain = false

  const begin = async (): Promise<void> => {
    const own = new AbortController()
    const follow = () => own.abort(leave.reason)
    leave.addEventListener('abort', follow)
    const current: Reading = { heardAt: performance.now(), end: (reason) => own.abort(reason) }
    reading = current
    isAskedAgain = false
    await read(own.signal, () => {
      current.heardAt = performance.now()
    }).finally(() => {
      reading = null
      leave.removeEventListener('abort', follow)
    })
    if (isAskedAgain && !leave.aborted) await begin()
  }
  const ask = (isUrgent: boolean): void => {
    if (reading === null) {
      void begin()
      return
    }
    const isDead = performance.now() - reading.heardAt >= answerMsMax
    isAskedAgain ||= isUrgent || isDead
    if (isDead) reading.end(unanswered())
  }
  return { read: () => ask(true), readIfIdle: () => ask(false) }
}
