/**
 * Makes a whole store of a backend: one ordered outbox of writes, group commit, reads, and the news of
 * what was committed. What the backend does not hold is not held here either, but what is on its way
 * there (`outbox.ts`).
 */
import { MillraceError } from '@millrace/protocol'
import type { Commit, Store, StoreStatus } from '#store/store'
import type { Backend } from './backend.ts'
import { credentialStore } from './credentials.ts'
import { Outbox, type WrittenBatch } from './outbox.ts'
import { portReads } from './port-reads.ts'
import { portWrites, submit } from './port-writes.ts'

export interface BatchedStoreOptions {
  /** Called once, when the backend has failed and nothing is acknowledged any longer. */
  onFatal?: ((error: Error) => void) | undefined
  /** Called after each commit: how many writes shared it, and how long it took. */
  onBatch?: ((batch: WrittenBatch) => void) | undefined
  /** While there is no room, writes are tried again this often, in milliseconds. */
  retryFullMs?: number | undefined
}

/** A close waits no longer than this for room on a full disk. */
const closeWhileFullMs = 2000

export function openBatchedStore(backend: Backend, options: BatchedStoreOptions = {}): Store {
  const commitListeners = new Set<(commit: Commit) => void>()
  const statusListeners = new Set<(status: StoreStatus) => void>()
  const outbox = new Outbox({
    send: (operations, urgent) => backend.send(operations, urgent),
    onCommit: (commit) => {
      notify(commitListeners, commit)
      backend.announce?.(commit)
    },
    onStatus: (status) => notify(statusListeners, status),
    onFatal: (error) => options.onFatal?.(error),
    onBatch: options.onBatch,
    retryFullMs: options.retryFullMs ?? 1000,
  })
  backend.watchCommits?.((commit) => notify(commitListeners, commit))
  backend.watchAway?.((reason) => outbox.away(reason))
  void backend.failed.then((reason) => outbox.fail(reason))
  let released = false
  let closed: Promise<void> | undefined
  const read: Backend['read'] = (name, ask) =>
    released ? Promise.reject(new MillraceError('draining', 'The store is closed')) : backend.read(name, ask)

  return {
    epoch: backend.epoch,
    credentials: credentialStore((operation) => submit(outbox, operation), read),
    ...portWrites(outbox),
    ...portReads({ epoch: backend.epoch, cursorKey: backend.cursorKey, read }),
    onCommit: (listener) => listen(commitListeners, listener),
    onStatus: (listener) => listen(statusListeners, listener),
    status: () => outbox.status,
    close() {
      closed ??= outbox.drain(closeWhileFullMs).then(() => {
        released = true
        return backend.close()
      })
      return closed
    },
  }
}

function listen<Listener>(listeners: Set<Listener>, listener: Listener): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** A listener that throws is a bug; it must show, and must not keep the news from the others. */
function notify<News>(listeners: ReadonlySet<(news: News) => void>, news: News): void {
  for (const listener of listeners) {
    try {
      listener(news)
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }
}
