import { temporaryFolder } from '@millrace/test-support/folders'
import { test } from 'vitest'
import { expectSameAsMemory } from '../support/same-as-memory.ts'
import { openTemporary } from './support/temporary.ts'

const full = process.env.MILLRACE_TEST_FULL !== undefined

test('whatever is done to them, the SQLite store and the memory store answer, show and announce the same', {
  timeout: 600_000,
}, async () => {
  const open = async () => {
    const store = await openTemporary({ dataDir: temporaryFolder() })
    return { store, close: () => store.close() }
  }
  await expectSameAsMemory(open, full ? 400 : 20)
})
