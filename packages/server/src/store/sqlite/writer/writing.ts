/** Owns the writer thread: starts it, hands it batches, tells when it dies, ends it. */
import { Worker } from 'node:worker_threads'
import { MillraceError } from '@millrace/protocol'
import type { BatchReply, FromWriter, Operation, ToWriter } from '#store/batched/operations'
import { threadLimits } from '#store/sqlite/thread-limits'

export interface Writing {
  readonly epoch: string
  readonly cursorKey: Buffer
  send(operations: Operation[]): void
  /** Resolves when the thread has checkpointed and closed the database. */
  close(): Promise<void>
}

export interface WriterEvents {
  onReply(reply: BatchReply): void
  /** The thread ended without having been asked to. */
  onDeath(message: string): void
}

/** Rejects with `storage_failed` or `storage_full` when the database cannot be opened. */
export async function startWriting(path: string, events: WriterEvents): Promise<Writing> {
  const worker = new Worker(
    new URL(import.meta.url.endsWith('.ts') ? './writer-worker.ts' : './writer-worker.js', import.meta.url),
    { name: 'store writer', workerData: { path }, resourceLimits: threadLimits },
  )
  const { promise: opened, resolve, reject } = Promise.withResolvers<{ epoch: string; cursorKey: string }>()
  const exited = new Promise<void>((done) => worker.once('exit', () => done()))
  let closing = false
  const post = (message: ToWriter): void => worker.postMessage(message)

  worker.on('message', (message: FromWriter) => {
    if (message.kind === 'reply') {
      events.onReply(message.reply)
    } else if (message.kind === 'ready') {
      resolve(message)
    } else {
      closing = true
      reject(new MillraceError(message.code, `Cannot open ${path}: ${message.message}`))
    }
  })
  worker.on('error', (cause) => died(`the writer thread failed: ${cause}`))
  worker.on('exit', () => died('the writer thread has ended'))

  function died(message: string): void {
    reject(new MillraceError('storage_failed', message))
    if (closing) return
    closing = true
    events.onDeath(message)
  }

  const { epoch, cursorKey } = await opened.catch(async (error: unknown) => {
    await exited
    throw error
  })
  return {
    epoch,
    cursorKey: Buffer.from(cursorKey, 'base64'),
    send: (operations) => post({ kind: 'batch', operations }),
    async close() {
      closing = true
      post({ kind: 'close' })
      await exited
    },
  }
}
