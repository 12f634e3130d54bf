/** Owns the writer thread: starts it, hands it batches, notices when it dies, ends it. */
import { Worker } from 'node:worker_threads'
import { MillraceError } from '@millrace/protocol'
import type { Backend } from '#store/batched/backend'
import type { BatchReply } from '#store/batched/operations'
import type { FromWriter, ToWriter } from '#store/sqlite/messages'
import { packOperations, unpackResults } from '#store/sqlite/packing'
import { createAsking } from '#store/sqlite/reader/asking'
import { threadOptions } from '#store/sqlite/thread-options'

/** `close` resolves when the thread has checkpointed and closed the database. */
export interface Writing extends Pick<Backend, 'epoch' | 'cursorKey' | 'send' | 'read' | 'failed' | 'close'> {
  /** True while a batch is being written: a read would wait for it. */
  isBusy(): boolean
}

/** Rejects with `storage_failed` or `storage_full` when the database cannot be opened. */
export async function startWriting(path: string): Promise<Writing> {
  const worker = new Worker(new URL(import.meta.resolve('#store/sqlite/writer/writer-worker')), {
    name: 'store writer',
    workerData: { path },
    ...threadOptions(),
  })
  const opened = Promise.withResolvers<{ epoch: string; cursorKey: string }>()
  const failed = Promise.withResolvers<string>()
  const exited = new Promise<void>((done) => worker.once('exit', () => done()))
  let answered: ((reply: BatchReply) => void) | null = null
  let closing = false
  const post = (message: ToWriter): void => worker.postMessage(message)
  const asking = createAsking((reads) => post({ kind: 'reads', reads }))

  worker.on('message', (message: FromWriter) => {
    if (message.kind === 'reply') {
      const reply = { results: unpackResults(message.results), stopped: message.stopped }
      const settle = answered
      answered = null
      settle?.(reply)
    } else if (message.kind === 'ready') {
      opened.resolve(message)
    } else if (message.kind !== 'refused') {
      asking.take(message)
    } else {
      closing = true
      opened.reject(new MillraceError(message.code, `Cannot open ${path}: ${message.message}`))
    }
  })
  worker.on('error', (cause) => died(`the writer thread failed: ${cause}`))
  worker.on('exit', () => died('the writer thread has ended'))

  function died(message: string): void {
    const error = new MillraceError('storage_failed', message)
    opened.reject(error)
    asking.die(error)
    if (closing) return
    closing = true
    failed.resolve(message)
  }

  const { epoch, cursorKey } = await opened.promise.catch(async (error: unknown) => {
    await exited
    throw error
  })
  return {
    epoch,
    cursorKey: Buffer.from(cursorKey, 'base64'),
    failed: failed.promise,
    read: asking.read,
    isBusy: () => answered !== null,
    // The batch of a thread that dies has no answer: `failed` says so.
    send: (operations, urgent = false) =>
      new Promise((resolve) => {
        answered = resolve
        post({ kind: 'batch', operations: packOperations(operations), urgent })
      }),
    async close() {
      closing = true
      asking.flush()
      post({ kind: 'close' })
      await exited
    },
  }
}
