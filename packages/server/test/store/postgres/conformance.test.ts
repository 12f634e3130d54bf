import { describeStoreConformance } from '@millrace/store-conformance'
import { afterAll, beforeAll, describe } from 'vitest'
import { openPostgresStore } from '#store/postgres/store'
import { type Database, emptyDatabase, serverUrl } from './support/database.ts'

describe.skipIf(serverUrl === null)('on a real server', () => {
  let database: Database
  beforeAll(async () => {
    database = await emptyDatabase()
  })
  afterAll(() => database.drop())

  describeStoreConformance('the store on Postgres', async () => {
    const { settings } = database
    let store = await openPostgresStore({ settings })
    return {
      store,
      async reopen() {
        await store.close()
        store = await openPostgresStore({ settings })
        return store
      },
      async dispose() {
        await store.close()
        await database.clear()
      },
    }
  })
})
