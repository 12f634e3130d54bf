/** Owns the reader thread: starts it, hands it reads, notices when it dies, ends it. */
import { Worker } from 'node:worker_threads'
import { MillraceError } from '@millrace/protocol'
import type { Backend } from '#store/batched/backend'
import type { FromReader, ToReader } from '#store/sqlite/messages'
import { threadOptions } from '#store/sqlite/thread-options'
import { createAsking } from './asking.ts'

/** `close` answers what was asked, then ends the thread. */
export interface Reading extends Pick<Backend, 'read' | 'failed' | 'close'> {
  /** True once the thread answers; before that a read waits for its start. */
  isOpen(): boolean
}

export function startReading(path: string): Reading {
  const worker = new Worker(new URL(import.meta.resolve('#store/sqlite/reader/reader-worker')), {
    name: 'store reader',
    ...threadOptions(),
  })
  const failed = Promise.withResolvers<string>()
  let closing = false
  let isOpen = false
  const post = (message: ToReader): void => worker.postMessage(message)
  const asking = createAsking((reads) => post({ kind: 'reads', reads }))
  const exited = new Promise<void>((done) => worker.once('exit', () => done()))

  worker.on('message', (message: FromReader) => {
    if (message.kind === 'open') isOpen = true
    else asking.take(message)
  })
  worker.on('error', (cause) => die('the store cannot be read', cause))
  worker.on('exit', () => die('the reader thread has ended'))
  post({ kind: 'open', path })

  function die(message: string, cause?: unknown): void {
    asking.die(new MillraceError('storage_failed', message, { cause }))
    if (!closing) failed.resolve(message)
  }

  return {
    failed: failed.promise,
    isOpen: () => isOpen,
    read: asking.read,
    async close() {
      closing = true
      asking.flush()
      post({ kind: 'close' })
      await exited
    },
  }
}
