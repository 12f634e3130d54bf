import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeStoreConformance } from '@millrace/store-conformance'
import { openSqliteStore } from '#store/sqlite/store'

describeStoreConformance('the embedded store', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-store-'))
  let store = await openSqliteStore({ dataDir })
  return {
    store,
    async reopen() {
      await store.close()
      store = await openSqliteStore({ dataDir })
      return store
    },
    async dispose() {
      await store.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
})
