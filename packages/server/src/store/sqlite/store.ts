/**
 * The embedded store: one SQLite file, written by one thread and read by another, so that neither a
 * disk nor a long replay ever stops the event loop.
 */
import { type BatchedStoreOptions, openBatchedStore } from '#store/batched/open-batched-store'
import type { Store } from '#store/store'
import { databasePath } from './database.ts'
import { startReading } from './reader/reading.ts'
import { startWriting } from './writer/writing.ts'

export interface SqliteStoreOptions extends BatchedStoreOptions {
  /** Created where it is missing. The caller should hold its lock (`upkeep/lock.ts`). */
  dataDir: string
}

/**
 * Opens the store of a data directory, creating or upgrading its database. Rejects with
 * `storage_failed` (also for a database of a newer version) or `storage_full`.
 */
export async function openSqliteStore({ dataDir, ...options }: SqliteStoreOptions): Promise<Store> {
  const path = databasePath(dataDir)
  const writing = await startWriting(path)
  const reading = startReading(path)
  return openBatchedStore(
    {
      epoch: writing.epoch,
      cursorKey: writing.cursorKey,
      send: writing.send,
      read: reading.read,
      failed: Promise.race([writing.failed, reading.failed]),
      // The reader first: the last connection to close folds the write-ahead log into the database.
      close: () => reading.close().then(() => writing.close()),
    },
    options,
  )
}
