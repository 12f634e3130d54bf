import { test } from 'vitest'
import { openPostgresStore } from '#store/postgres/store'
import { expectSameAsMemory } from '../support/same-as-memory.ts'
import { serverUrl, testDatabase } from './support/database.ts'

const full = process.env.MILLRACE_TEST_FULL !== undefined

test.skipIf(serverUrl === null)(
  'whatever is done to them, the store on Postgres and the memory store answer, show and announce the same',
  { timeout: 600_000 },
  async () => {
    const { settings, clear } = await testDatabase()
    const open = async () => {
      const store = await openPostgresStore({ settings })
      return { store, close: () => store.close().then(clear) }
    }
    await expectSameAsMemory(open, full ? 400 : 20)
  },
)
