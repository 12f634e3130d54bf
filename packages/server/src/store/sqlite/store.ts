/**
 * The embedded store: one SQLite file, written by one thread and read by another, so that neither a
 * disk nor a long replay ever stops the event loop.
 */
import { join } from 'node:path'
import { type BatchedStoreOptions, openBatchedStore } from '#store/batched/open-batched-store'
import type { Store } from '#store/store'
import { databasePath } from './database.ts'
import { startReadingLate } from './reader/late-reading.ts'
import { watchPresence } from './upkeep/presence.ts'
import { noteAtExit } from './upkeep/state-file.ts'
import { startWriting } from './writer/writing.ts'

const presenceMs = 1000

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
  const reading = startReadingLate(path, writing)
  const forgetExit = noteAtExit(path)
  const presence = watchPresence([dataDir, path, `${path}-wal`, join(dataDir, 'lock.db')], presenceMs)
  return openBatchedStore(
    {
      epoch: writing.epoch,
      cursorKey: writing.cursorKey,
      send: writing.send,
      read: reading.read,
      failed: Promise.race([writing.failed, reading.failed, presence.lost]),
      // The reader first: the last connection to close folds the write-ahead log into the database.
      close: () => {
        presence.close()
        return reading
          .close()
          .then(() => writing.close())
          .finally(forgetExit)
      },
    },
    options,
  )
}
