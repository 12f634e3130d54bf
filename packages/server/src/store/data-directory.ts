/** A data directory without its server: what the command line does to one. */
import { existsSync } from 'node:fs'
import { databasePath } from './sqlite/database.ts'
import { acquireDataDirLock, DataDirInUse } from './sqlite/lock.ts'
import { openSqliteStore } from './sqlite/store.ts'
import type { Store } from './store.ts'

export { backUp } from './sqlite/backup.ts'
export { acquireDataDirLock, DataDirInUse } from './sqlite/lock.ts'
export { restore } from './sqlite/restore.ts'

export function holdsDatabase(dataDir: string): boolean {
  return existsSync(databasePath(dataDir))
}

/** Null while a server has the directory. The store's `close` gives the directory back, too. */
export async function openAlone(dataDir: string): Promise<Store | null> {
  let lock: ReturnType<typeof acquireDataDirLock>
  try {
    lock = acquireDataDirLock(dataDir)
  } catch (error) {
    if (error instanceof DataDirInUse) return null
    throw error
  }
  try {
    const store = await openSqliteStore({ dataDir })
    return { ...store, close: () => store.close().finally(() => lock.release()) }
  } catch (error) {
    lock.release()
    throw error
  }
}
