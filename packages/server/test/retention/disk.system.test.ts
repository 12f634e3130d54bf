import { completed, line, runningRun, upTo } from '@millrace/store-conformance/material'
import { temporaryFolder } from '@millrace/test-support/folders'
import { expect, test } from 'vitest'
import { Retention } from '#retention/retention'
import { openTemporary } from '#test/store/sqlite/support/temporary'

test('the space of deleted logs returns to the disk, except for what new events will need', async () => {
  const store = await openTemporary({ dataDir: temporaryFolder() })
  const id = await runningRun(store)
  const large = line('x'.repeat(1_000_000))
  for (const _ of upTo(40)) await store.append(id, 1, [large])
  await store.finish(id, 1, completed(null, 1))
  const { bytes } = await new Retention({ store, rule: { days: 30 }, now: () => 100 * 86_400_000 }).prune()
  expect(bytes).toBeGreaterThan(25_000_000)
})
