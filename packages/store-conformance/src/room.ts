/** Room: what the runs of an owner take, and the run that is refused because of it. */
import type { Store } from '@millrace/server/store'
import { describe, expect, test } from 'vitest'
import {
  completed,
  entry,
  line,
  newApproval,
  newMessage,
  newRun,
  reclaimAll,
  runningRun,
  type Subject,
} from './material.ts'

/** An event that takes about this many bytes. */
const large = (bytes: number) => line('x'.repeat(bytes))

export function describeRoom(subject: Subject): void {
  describe('room', () => {
    test('whatever is stored of a run counts for its owner, and for nobody else', async () => {
      const { store } = subject
      const grew = growthOf(store, 'ada')
      expect(await store.ownerBytes('ada')).toBe(0)
      const id = await runningRun(store, { spec: { prompt: 'p'.repeat(5_000) } })
      expectWithin(await grew(), 5_000, 8_000)
      await store.append(id, 1, [large(20_000), line('ß'.repeat(5_000))])
      expectWithin(await grew(), 30_000, 30_200)
      await store.appendTranscript(id, 1, [entry('t'.repeat(7_000)), entry('t'.repeat(3_000), 'sub')])
      expectWithin(await grew(), 10_000, 10_100)
      const message = newMessage({ text: 'm'.repeat(4_000) })
      await store.acceptMessage(id, message)
      expectWithin(await grew(), 8_000, 8_400)
      const approval = newApproval()
      await store.requestApproval(id, 1, approval)
      await store.answerApproval(id, approval.id, {
        decision: 'deny',
        by: 'person',
        message: 'a'.repeat(3_000),
        at: 5_000,
      })
      expectWithin(await grew(), 6_000, 6_800)
      await store.finish(id, 1, completed({ text: 'r'.repeat(2_000) }))
      expectWithin(await grew(), 4_000, 4_300)
      expect(await store.ownerBytes('bob')).toBe(0)
      const counted = await store.ownerBytes('ada')
      await subject.reopen()
      expect(await subject.store.ownerBytes('ada')).toBe(counted)
    })

    test('the batches of a producer count, empty ones too, until it begins a new epoch', async () => {
      const { store } = subject
      const detached = { started: line('started'), leaseUntil: 99_000 }
      const { run } = await store.createRun(newRun({ kind: 'external', detached }))
      const grew = growthOf(store, 'ada')
      await grew()
      const produce = (epoch: number, seq: number) =>
        store.produce(run.id, { events: [], producer: { id: 'p', epoch, seq }, leaseUntil: 99_000 })
      for (let seq = 0; seq < 10; seq += 1) await produce(0, seq)
      await produce(0, 3)
      expect(await grew()).toBe(10 * 64)
      await produce(1, 0)
      expect(await grew()).toBe(-9 * 64)
    })

    test('a resumed conversation counts once more for the owner of the new run', async () => {
      const { store } = subject
      const id = await runningRun(store, { kind: 'session' })
      await store.appendTranscript(id, 1, [entry('t'.repeat(9_000))])
      await store.finish(id, 1, completed())
      const grew = growthOf(store, 'ada')
      await grew()
      await store.createRun(newRun({ kind: 'session', resumes: id }))
      expectWithin(await grew(), 9_000, 11_000)
    })

    test('a deleted run gives back all that it took at once', async () => {
      const { store } = subject
      const kept = await runningRun(store)
      const before = await store.ownerBytes('ada')
      const id = await runningRun(store)
      await store.append(id, 1, [large(50_000)])
      await store.appendTranscript(id, 1, [entry('t'.repeat(9_000))])
      await store.finish(id, 1, completed())
      await store.prune(id, 2)
      await store.deleteRun(id)
      expect(await store.ownerBytes('ada')).toBe(before)
      await reclaimAll(store)
      expect(await store.ownerBytes('ada')).toBe(before)
      await store.finish(kept, 1, completed())
      await store.deleteRun(kept)
      expect(await store.ownerBytes('ada')).toBe(0)
    })

    test('a run that is written to and deleted in one batch leaves nothing behind', async () => {
      const { store } = subject
      const id = await runningRun(store)
      await Promise.all([
        store.append(id, 1, [large(9_000)]),
        store.finish(id, 1, completed({ text: 'r'.repeat(900) })),
        store.deleteRun(id),
      ])
      expect(await store.ownerBytes('ada')).toBe(0)
    })

    test('the beginning of a log gives its room back once it is reclaimed, also while the run is active', async () => {
      const { store } = subject
      const id = await runningRun(store)
      const before = await store.ownerBytes('ada')
      for (let n = 0; n < 10; n += 1) await store.append(id, 1, [large(100_000)])
      await store.prune(id, 11)
      await store.append(id, 1, [large(100_000)])
      await reclaimAll(store)
      expectWithin((await store.ownerBytes('ada')) - before, 200_000, 201_000)
    })

    test('an owner at the limit starts no run, and starts one when there is room again', async () => {
      const { store } = subject
      const id = await runningRun(store)
      await store.append(id, 1, [large(2_000_000)])
      const idempotency = { key: 'k', fingerprint: 'f' }
      const known = await store.createRun(newRun({ idempotency }))
      const bytes = await store.ownerBytes('ada')
      const refused = store.createRun(newRun({ ownerBytesMax: bytes }))
      await expect(refused).rejects.toMatchObject({
        code: 'quota_exceeded',
        message: expect.stringMatching(
          /^The runs of ada take 1\.9 MiB of the 1\.9 MiB that limits\.ownerBytes allows/,
        ),
        details: { ownerBytes: bytes, ownerBytesMax: bytes },
      })
      expect(await store.ownerBytes('ada')).toBe(bytes)
      // A repeated request is answered as it was; another owner has room of their own.
      expect(await store.createRun(newRun({ idempotency, ownerBytesMax: bytes }))).toMatchObject({
        run: { id: known.run.id },
        created: false,
      })
      expect((await store.createRun(newRun({ owner: 'bob', ownerBytesMax: bytes }))).created).toBe(true)
      await store.finish(id, 1, completed())
      await store.deleteRun(id)
      expect((await store.createRun(newRun({ ownerBytesMax: bytes }))).created).toBe(true)
    })

    test('long answers and long ends are refused while the runs of the owner take what they may, and short ones are not', async () => {
      const { store } = subject
      const id = await runningRun(store)
      const [one, other] = [newApproval(), newApproval()]
      for (const approval of [one, other]) await store.requestApproval(id, 1, approval)
      const ownerBytesMax = await store.ownerBytes('ada')
      const answer = (approval: string, characters: number, limit = ownerBytesMax) =>
        store.answerApproval(id, approval, {
          ...{ decision: 'allow', by: 'person', at: 5_000, ownerBytesMax: limit },
          updatedInput: { command: 'x'.repeat(characters) },
        })
      const refused = { code: 'quota_exceeded', message: expect.stringMatching(/^The runs of ada take /) }
      await expect(answer(one.id, 17_000)).rejects.toMatchObject(refused)
      expect((await store.openApprovals(id)).map((open) => open.id)).toEqual([one.id, other.id])
      await answer(one.id, 12_000)
      await answer(other.id, 17_000, 1_000_000)
      const end = (characters: number) =>
        store.finish(id, 1, { ...completed({ text: 'r'.repeat(characters) }), ownerBytesMax })
      await expect(end(17_000)).rejects.toMatchObject(refused)
      expect(await store.getRun(id)).toMatchObject({ state: 'running' })
      expect(await end(12_000)).toMatchObject({ state: 'completed' })
    })

    test('long ends that are written together are refused from the one on that finds the quota used up', async () => {
      const { store } = subject
      const ids = [await runningRun(store), await runningRun(store), await runningRun(store)]
      const ownerBytesMax = (await store.ownerBytes('ada')) + 50_000
      const ends = ids.map((id) =>
        store.finish(id, 1, { ...completed({ text: 'r'.repeat(20_000) }), ownerBytesMax }),
      )
      const codes = (await Promise.allSettled(ends)).map((one) =>
        one.status === 'fulfilled' ? one.value.state : one.reason.code,
      )
      expect(codes).toEqual(['completed', 'completed', 'quota_exceeded'])
    })

    test('what a batch writes counts for the runs that it creates', async () => {
      const { store } = subject
      const id = await runningRun(store)
      const bytesMax = (await store.ownerBytes('ada')) + 5_000
      const [, first] = await Promise.allSettled([
        store.append(id, 1, [large(9_000)]),
        store.createRun(newRun({ ownerBytesMax: bytesMax })),
      ])
      expect(first).toMatchObject({ reason: { code: 'quota_exceeded' } })
    })

    test('the owners whose runs take most come first', async () => {
      const { store } = subject
      for (const [owner, bytes] of [
        ['ada', 100],
        ['bob', 9_000],
        ['cy', 3_000],
      ] as const) {
        const id = await runningRun(store, { owner })
        await store.append(id, 1, [large(bytes)])
      }
      const largest = await store.largestOwners(2)
      expect(largest.map(({ owner }) => owner)).toEqual(['bob', 'cy'])
      for (const { owner, bytes } of largest) expect(bytes).toBe(await store.ownerBytes(owner))
    })
  })
}

function expectWithin(value: number, least: number, most: number): void {
  expect(value).toBeGreaterThanOrEqual(least)
  expect(value).toBeLessThanOrEqual(most)
}

/** Returns a function that says by how much an owner's bytes grew since its last call. */
function growthOf(store: Store, owner: string): () => Promise<number> {
  let last = 0
  return async () => {
    const now = await store.ownerBytes(owner)
    const grew = now - last
    last = now
    return grew
  }
}
