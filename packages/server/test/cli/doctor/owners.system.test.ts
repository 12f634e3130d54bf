import { line, runningRun } from '@millrace/store-conformance/material'
import { temporaryFolder } from '@millrace/test-support/folders'
import { expect, test } from 'vitest'
import { checkOwners } from '#cli/doctor/owners'
import { openSqliteStore } from '#store/sqlite/store'

const max = 1_000_000

test('doctor warns about each owner near the quota, also while a server has the data directory', async () => {
  const dataDir = temporaryFolder()
  expect(checkOwners(dataDir, max)).toEqual([])
  const store = await openSqliteStore({ dataDir })
  try {
    expect(checkOwners(dataDir, max)).toEqual([{ name: 'quota', status: 'ok', detail: 'no runs yet' }])
    for (const [owner, bytes] of [
      ['ada', 300_000],
      ['bob', 850_000],
      ['cy', 1_200_000],
    ] as const) {
      const id = await runningRun(store, { owner })
      if (owner === 'bob')
        expect(checkOwners(dataDir, max)).toEqual([
          { name: 'quota', status: 'ok', detail: 'the largest user is ada, with 30 % of limits.ownerBytes' },
        ])
      await store.append(id, 1, [line('x'.repeat(bytes))])
    }
    expect(checkOwners(dataDir, max)).toEqual([
      { name: 'quota', status: 'warn', detail: expect.stringMatching(/^the runs of cy take 120 % of /) },
      { name: 'quota', status: 'warn', detail: expect.stringMatching(/^the runs of bob take 85 % of /) },
    ])
  } finally {
    await store.close()
  }
})
