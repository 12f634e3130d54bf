/** Opens a data directory without its server, for the command line. */
import { existsSync } from 'node:fs'
import { MillraceError, messageOf } from '@millrace/protocol'
import { databasePath, failureKind } from '#store/sqlite/database'
import { openSqliteStore } from '#store/sqlite/store'
import type { Store } from '#store/store'
import { acquireDataDirLock, DataDirInUse } from './lock.ts'

export { backUp } from './backup.ts'
export { acquireDataDirLock } from './lock.ts'
export { restore } from './restore.ts'

export function holdsDatabase(dataDir: string): boolean {
  return existsSync(databasePath(dataDir))
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
