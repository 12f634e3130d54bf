/** Opens a data directory without its server, for the command line. */
import { existsSync } from 'node:fs'
import { MillraceError, messageOf } from '@millrace/protocol'
import { databasePath, failureKind, openForReading } from '#store/sqlite/database'
import { migrations } from '#store/sqlite/migrations'
import { createRunReader } from '#store/sqlite/reader/run-reader'
import { openSqliteStore } from '#store/sqlite/store'
import type { OwnerBytes, Store } from '#store/store'
import { acquireDataDirLock, DataDirInUse } from './lock.ts'

export { backUp } from './backup.ts'
export { acquireDataDirLock } from './lock.ts'
export { restore } from './restore.ts'

export function holdsDatabase(dataDir: string): boolean {
  return existsSync(databasePath(dataDir))
}

/** Those whose runs take most, also while a server has the directory; null: no server of this version has opened it yet. */
export function readLargestOwners(dataDir: string, limit: number): OwnerBytes[] | null {
  if (!holdsDatabase(dataDir)) return null
  const db = openForReading(databasePath(dataDir))
  try {
    if (Number(db.prepare('PRAGMA user_version').get()?.user_version) < migrations.length) return null
    return createRunReader(db).largestOwners(limit)
  } finally {
    db.close()
  }
}

/** Returns null while a server has the directory. The store's `close` also releases the directory. */
export async function openAlone(dataDir: string): Promise<Store | null> {
  let lock: ReturnType<typeof acquireDataDirLock>
  try {
    lock = acquireDataDirLock(dataDir)
  } catch (error) {
    if (error instanceof DataDirInUse) return null
    const code = failureKind(error) === 'full' ? 'storage_full' : 'storage_failed'
    throw new MillraceError(code, `Cannot open ${dataDir}: ${messageOf(error)}`, { cause: error })
  }
  try {
    const store = await openSqliteStore({ dataDir })
    return { ...store, close: () => store.close().finally(() => lock.release()) }
  } catch (error) {
    lock.release()
    throw error
  }
}
