/**
 * The main thread's side of all reads. Owns the reader thread and the reads it has not answered;
 * every read ends with an answer or an error, also when the thread dies.
 */
import { Worker } from 'node:worker_threads'
import { MillraceError } from '@millrace/protocol'
import type { FromReader, ReadName, Reads, ToReader } from '#store/batched/operations'
import { threadLimits } from '#store/sqlite/thread-limits'

export interface Reading {
  read<Name extends ReadName>(name: Name, ask: Reads[Name]['ask']): Promise<Reads[Name]['answer']>
  /** Answers what was asked, then ends the thread. */
  close(): Promise<void>
}

interface Waiting {
  resolve(answer: unknown): void
  reject(error: Error): void
}

/** `onDeath` is told when the thread ends without having been asked to. */
export function startReading(path: string, onDeath: (error: Error) => void): Reading {
  const worker = new Worker(
    new URL(import.meta.url.endsWith('.ts') ? './reader-worker.ts' : './reader-worker.js', import.meta.url),
    { name: 'store reader', resourceLimits: threadLimits },
  )
  const waiting = new Map<number, Waiting>()
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
    if (!closing) onDeath(dead)
  }

  return {
    read(name, ask) {
      if (closing) return Promise.reject(new MillraceError('draining', 'The store is closed'))
      if (dead !== undefined) return Promise.reject(dead)
      const { promise, resolve, reject } = Promise.withResolvers<unknown>()
      lastId += 1
      waiting.set(lastId, { resolve, reject })
      post({ kind: 'read', id: lastId, name, ask })
      return promise as Promise<Reads[typeof name]['answer']>
    },
    async close() {
      closing = true
      post({ kind: 'close' })
      await exited
    },
  }
}
