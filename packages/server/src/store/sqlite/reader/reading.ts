/**
 * The main thread's side of all reads. Owns the reader thread and the reads that it has not answered;
 * every read ends with an answer or an error, also when the thread dies.
 *
 * The reads of one turn of the event loop travel as one message: to wake a thread costs more than most reads.
 */
import { Worker } from 'node:worker_threads'
import { MillraceError } from '@millrace/protocol'
import type { Backend, Reads } from '#store/batched/backend'
import type { AskedRead, FromReader, ToReader } from '#store/sqlite/messages'
import { threadLimits } from '#store/sqlite/thread-limits'

/** `close` answers what was asked, then ends the thread. */
export type Reading = Pick<Backend, 'read' | 'failed' | 'close'>

interface Waiting {
  resolve(answer: unknown): void
  reject(error: Error): void
}

export function startReading(path: string): Reading {
  const worker = new Worker(new URL(import.meta.resolve('#store/sqlite/reader/reader-worker')), {
    name: 'store reader',
    resourceLimits: threadLimits,
  })
  const waiting = new Map<number, Waiting>()
  const failed = Promise.withResolvers<string>()
  let unsent: AskedRead[] = []
  let lastId = 0
  let closing = false
  let dead: MillraceError | undefined
  const post = (message: ToReader): void => worker.postMessage(message)
  const exited = new Promise<void>((done) => worker.once('exit', () => done()))

  worker.on('message', (message: FromReader) => {
    const asked = waiting.get(message.id)
    waiting.delete(message.id)
    if (message.kind === 'answer') asked?.resolve(message.answer)
    else asked?.reject(new MillraceError('storage_failed', message.message))
  })
  worker.on('error', (cause) => die('the store cannot be read', cause))
  worker.on('exit', () => die('the reader thread has ended'))
  post({ kind: 'open', path })

  function die(message: string, cause?: unknown): void {
    if (dead !== undefined) return
    dead = new MillraceError('storage_failed', message, { cause })
    for (const { reject } of waiting.values()) reject(dead)
    waiting.clear()
    if (!closing) failed.resolve(message)
  }

  function send(): void {
    if (unsent.length > 0) post({ kind: 'reads', reads: unsent })
    unsent = []
  }

  return {
    failed: failed.promise,
    read(name, ask) {
      if (dead !== undefined) return Promise.reject(dead)
      const { promise, resolve, reject } = Promise.withResolvers<unknown>()
      lastId += 1
      waiting.set(lastId, { resolve, reject })
      if (unsent.push({ id: lastId, name, ask }) === 1) setImmediate(send)
      return promise as Promise<Reads[typeof name]['answer']>
    },
    async close() {
      closing = true
      send()
      post({ kind: 'close' })
      await exited
    },
  }
}
