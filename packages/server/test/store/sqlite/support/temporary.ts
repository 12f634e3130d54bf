/** Data directories of tests, and stores in them; both are gone when the test is over. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { openSqliteStore, type SqliteStoreOptions } from '#store/sqlite/store'

export function temporaryDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-store-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

export async function openTemporary(options: SqliteStoreOptions) {
  const store = await openSqliteStore(options)
  onTestFinished(() => store.close())
  return store
}
