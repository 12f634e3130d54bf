import { describeStoreConformance } from '@millrace/store-conformance'
import { openMemoryStore } from '#store/memory/store'
import { emptyTables } from '#store/memory/tables'

describeStoreConformance('the memory store', async () => {
  const tables = emptyTables()
  let store = openMemoryStore({ tables })
  return {
    store,
    async reopen() {
      await store.close()
      store = openMemoryStore({ tables })
      return store
    },
    dispose: () => store.close(),
  }
})
