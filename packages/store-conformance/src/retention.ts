/** Retention: deleted runs, pruned logs, the room they took. */
import type { Commit, Expendable, RetentionRule, Store } from '@millrace/server/store'
import { describe, expect, test } from 'vitest'
import { completed, line, newRun, readAll, reclaimAll, runningRun, type Subject, upTo } from './material.ts'

export function describeRetention(subject: Subject): void {
  describe('retention', () => {
    test('a deleted run is gone with its log and its idempotency key, and its last commit shows it as it was', async () => {
      const { store } = subject
      const idempotency = { key: 'k', fingerprint: 'f' }
      const id = await overRun(store, 9_000, { idempotency })
      const other = await overRun(store, 9_000)
      const record = await store.getRun(id)
      const announced: Commit[] = []
      store.onCommit((commit) => announced.push(commit))
      expect(await store.deleteRun(id)).toBe(3)
      expect(announced).toEqual([
        { runId: id, change: 'deleted', state: 'completed', head: 3, closed: true, events: [], last: record },
      ])
      expect(await store.getRun(id)).toBeNull()
      expect(await store.bounds(id)).toBeNull()
      expect(await store.readAfter(id, { after: 0, maxBytes: 100 })).toBeNull()
      expect(await store.deleteRun(id)).toBeNull()
      expect((await store.listRuns({ limit: 9 })).runs.map((run) => run.id)).toEqual([other])
      expect(await readAll(store, other)).toHaveLength(3)
      expect(await store.createRun(newRun({ idempotency }))).toMatchObject({ created: true })
      expect((await store.queueCounts('job')).completed).toBe(2)
    })

    test('an open run cannot be deleted, and one that ends in the same batch can', async () => {
      const { store } = subject
      const id = await runningRun(store)
      await expect(store.deleteRun(id)).rejects.toMatchObject({ code: 'run_open' })
      const announced: string[] = []
      store.onCommit((commit) => announced.push(commit.change))
      const results = await Promise.allSettled([
        store.append(id, 1, [line('last')]),
        store.finish(id, 1, completed()),
        store.deleteRun(id),
        store.append(id, 1, [line('late')]),
        store.getRun(id),
      ])
      expect(results.slice(0, 3).map(({ status }) => status)).toEqual(Array(3).fill('fulfilled'))
      expect(results[3]).toMatchObject({ reason: { code: 'not_found' } })
      expect(announced).toEqual(['finished', 'deleted'])
      expect(await store.getRun(id)).toBeNull()
    })

    test('pruning returns how many events were dropped', async () => {
      const { store } = subject
      const id = await overRun(store, 9_000)
      expect(await store.prune(id, 2)).toBe(2)
      expect(await store.prune(id, 2)).toBe(0)
      expect(await store.prune(id, 99)).toBe(1)
      await expect(store.prune(newRun().id, 1)).rejects.toMatchObject({ code: 'not_found' })
    })

    test('a retention rule lists old runs that are over as a whole, and the beginnings of long logs', async () => {
      const { store } = subject
      const old = await overRun(store, 5_000)
      const young = await overRun(store, 6_000)
      const long = await runningRun(store)
      await store.append(long, 1, upTo(10).map(lineOf))
      await store.createRun(newRun())
      expect(await expendable(store, { finishedBefore: null, events: null })).toEqual([])
      expect(await expendable(store, { finishedBefore: 5_000, events: null })).toEqual([])
      expect(await expendable(store, { finishedBefore: 5_001, events: null })).toEqual([
        { runId: old, throughSeq: null, events: 3 },
      ])
      expect(await expendable(store, { finishedBefore: 5_001, events: 2 })).toEqual([
        { runId: old, throughSeq: null, events: 3 },
        { runId: young, throughSeq: 1, events: 1 },
        { runId: long, throughSeq: 10, events: 10 },
      ])
      await store.prune(long, 4)
      expect(await expendable(store, { finishedBefore: null, events: 3 })).toEqual([
        { runId: long, throughSeq: 9, events: 5 },
      ])
      await store.prune(long, 9)
      expect(await expendable(store, { finishedBefore: null, events: 3 })).toEqual([])
    })

    test('reclaiming comes to an end, and what is kept stays whole, also after a reopen', async () => {
      const { store } = subject
      const gone = await runningRun(store)
      const kept = await runningRun(store)
      for (const id of [gone, kept]) {
        for (const n of upTo(30)) await store.append(id, 1, [line(`${n}:${'x'.repeat(400_000)}`)])
      }
      await store.finish(gone, 1, completed())
      await store.deleteRun(gone)
      await store.prune(kept, 20)
      const log = await readAll(store, kept)
      await reclaimAll(store)
      expect(await store.reclaim()).toEqual({ bytes: 0, more: false })
      expect(log.map(({ seq }) => seq)).toEqual(upTo(32, 21))
      expect(await readAll(store, kept)).toEqual(log)
      await subject.reopen()
      expect(await readAll(subject.store, kept)).toEqual(log)
      expect(await subject.store.append(kept, 1, [line('on')])).toEqual({ firstSeq: 33, lastSeq: 33 })
    })
  })
}

const lineOf = (n: number) => line(`${n}`)

/** A run with three events that finished at a time. */
async function overRun(store: Store, at: number, given: Parameters<typeof newRun>[0] = {}): Promise<string> {
  const id = await runningRun(store, given)
  await store.finish(id, 1, completed(null, at))
  return id
}

async function expendable(store: Store, rule: RetentionRule): Promise<Expendable[]> {
  const all: Expendable[] = []
  let cursor: string | null = null
  do {
    const piece: Awaited<ReturnType<Store['expendable']>> = await store.expendable(rule, cursor)
    all.push(...piece.found)
    cursor = piece.nextCursor
  } while (cursor !== null)
  return all
}
