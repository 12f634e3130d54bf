/** Data directories of tests, and stores in them; both are gone when the test is over. */
import { onTestFinished } from 'vitest'
import { openSqliteStore, type SqliteStoreOptions } from '#store/sqlite/store'

export async function openTemporary(options: SqliteStoreOptions) {
  const store = await openSqliteStore(options)
  onTestFinished(() => store.close())
  return store
}
