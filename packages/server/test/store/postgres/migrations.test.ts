import {
  messageDelivered,
  messageWithdrawn,
  runningRun,
  takeOne,
  withFile,
} from '@millrace/store-conformance/material'
import { describe, expect, test } from 'vitest'
import { migrations } from '#store/postgres/migrations'
import { serverUrl, testDatabase } from './support/database.ts'

describe.skipIf(serverUrl === null)('steps of the schema', () => {
  test('what attachments of settled messages contain goes with schema 6, from the sums of their owners too', async () => {
    const { open, query } = await testDatabase()
    const store = await open()
    const [run, other] = [await runningRun(store), await runningRun(store, { owner: 'bob' })]
    const [read, gone, waits] = [withFile(3_000), withFile(5_000), withFile(7_000)]
    for (const message of [read, gone, waits]) await store.acceptMessage(run, message)
    await takeOne(store, run)
    await store.deliverMessage(run, 1, read.id, messageDelivered(read.id))
    await store.withdrawMessage(run, gone.id, messageWithdrawn(gone.id))
    await store.acceptMessage(other, withFile(9_000))
    const counted = await store.largestOwners(9)
    const kept = () => query<{ message: string }>('SELECT message FROM attachments ORDER BY message')
    const before = await kept()
    expect(before).toHaveLength(2)
    for (const { id } of [read, gone]) {
      const contents = 'x'.repeat(4_000)
      await query("INSERT INTO attachments SELECT n, $1, $2 FROM runs WHERE owner = 'ada'", [id, contents])
    }
    await query(`UPDATE runs SET bytes = bytes + 8000 WHERE owner = 'ada'`)
    await query(`INSERT INTO owner_bytes VALUES ('ada', 15, 8000)
      ON CONFLICT (owner, part) DO UPDATE SET bytes = owner_bytes.bytes + 8000`)
    await query(migrations.find(({ id }) => id === 7)?.sql ?? '')
    expect(await kept()).toEqual(before)
    expect(await store.largestOwners(9)).toEqual(counted)
    const ofRuns = await query('SELECT owner, bytes::int FROM runs ORDER BY bytes DESC')
    expect(ofRuns).toEqual(counted)
  })
})
