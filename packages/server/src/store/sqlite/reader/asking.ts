/**
 * The main thread's side of reads. Owns those that a thread has not answered; every read ends with an answer or an error,
 * also when the thread dies.
 *
 * The reads of one turn of the event loop travel as one message: to wake a thread costs more than most reads.
 */
import { MillraceError } from '@millrace/protocol'
import type { Backend, Reads } from '#store/batched/backend'
import type { AskedRead, FromReading } from '#store/sqlite/messages'

export interface Asking {
  read: Backend['read']
  /** Takes in an answer of the thread. */
  take(message: FromReading): void
  /** Sends what was asked in this turn. */
  flush(): void
  /** Fails what was not answered, and every later read. */
  die(error: MillraceError): void
}

interface Waiting {
  resolve(answer: unknown): void
  reject(error: Error): void
}

export function createAsking(post: (reads: AskedRead[]) => void): Asking {
  const waiting = new Map<number, Waiting>()
  let unsent: AskedRead[] = []
  let lastId = 0
  let dead: MillraceError | undefined

  function flush(): void {
    const reads = unsent
    unsent = []
    if (reads.length > 0) post(reads)
  }

  return {
    read(name, ask) {
      if (dead !== undefined) return Promise.reject(dead)
      const { promise, resolve, reject } = Promise.withResolvers<unknown>()
      lastId += 1
      waiting.set(lastId, { resolve, reject })
      if (unsent.push({ id: lastId, name, ask }) === 1) setImmediate(flush)
      return promise as Promise<Reads[typeof name]['answer']>
    },
    take(message) {
      const asked = waiting.get(message.id)
      waiting.delete(message.id)
      if (message.kind === 'answer') asked?.resolve(message.answer)
      else asked?.reject(new MillraceError('storage_failed', message.message))
    },
    flush,
    die(error) {
      dead ??= error
      for (const { reject } of waiting.values()) reject(dead)
      waiting.clear()
    },
  }
}
