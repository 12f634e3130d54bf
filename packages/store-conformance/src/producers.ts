/** The part of the suite about runs that a program outside the server works on. */
import type { Finish, NewRun, ProducerBatch, Store } from '@millrace/server/store'
import { describe, expect, test } from 'vitest'
import { completed, line, newRun, readAll, runningRun, type Subject, upTo } from './material.ts'

const leaseUntil = 60_000

function detachedRun(given: Partial<NewRun> = {}): NewRun {
  const started = { at: 1_000, type: 'run:started', json: '{"attempt":1}' }
  return newRun({ kind: 'external', project: null, detached: { started, leaseUntil }, ...given })
}

function batch(seq: number, texts: string[], given: { epoch?: number; id?: string } = {}): ProducerBatch {
  const { epoch = 1, id = 'p' } = given
  return { events: texts.map((text) => line(text)), producer: { id, epoch, seq }, leaseUntil }
}

const interrupted: Finish = {
  ...completed(),
  state: 'interrupted',
  event: { at: 70_000, type: 'execution:interrupted', json: '{}' },
}

async function begin(store: Store, given: Partial<NewRun> = {}): Promise<string> {
  const { run } = await store.createRun(detachedRun(given))
  return run.id
}

export function describeProducers(subject: Subject): void {
  describe('producers', () => {
    test('a detached run is running from the start, with both of its first events', async () => {
      const { store } = subject
      const { run } = await store.createRun(detachedRun())
      expect(run).toMatchObject({ state: 'running', attempt: 1, startedAt: 1_000, head: 2 })
      expect((await readAll(store, run.id)).map(({ type }) => type)).toEqual(['run:queued', 'run:started'])
      expect(await store.claim({ kind: 'external', limit: 9, node: 'here' })).toBeNull()
      expect((await store.finish(run.id, 1, completed())).state).toBe('completed')
    })

    test('batches of a producer are appended in order, and a repeated one is answered as before', async () => {
      const { store } = subject
      const id = await begin(store)
      const first = await store.produce(id, batch(0, ['a', 'b']))
      expect(first).toEqual({ firstSeq: 3, lastSeq: 4, duplicate: false })
      expect(await store.produce(id, batch(1, []))).toEqual({ firstSeq: 5, lastSeq: 4, duplicate: false })
      expect(await store.produce(id, batch(2, ['c']))).toEqual({ firstSeq: 5, lastSeq: 5, duplicate: false })
      expect(await store.produce(id, batch(0, ['a', 'b']))).toEqual({ ...first, duplicate: true })
      expect(await store.produce(id, batch(1, []))).toEqual({ firstSeq: 5, lastSeq: 4, duplicate: true })
      expect((await readAll(store, id)).length).toBe(5)
    })

    test('a batch that comes too early is refused with the number of the one that is missing', async () => {
      const { store } = subject
      const id = await begin(store)
      await expect(store.produce(id, batch(1, ['b']))).rejects.toMatchObject({
        code: 'sequence_gap',
        details: { expectedSeq: 0 },
      })
      await store.produce(id, batch(0, ['a']))
      await expect(store.produce(id, batch(3, ['d']))).rejects.toMatchObject({ details: { expectedSeq: 1 } })
      expect((await readAll(store, id)).length).toBe(3)
    })

    test('a new epoch takes over from batch 0, and the old one is fenced', async () => {
      const { store } = subject
      const id = await begin(store)
      await store.produce(id, batch(0, ['a']))
      await expect(store.produce(id, batch(1, ['b'], { epoch: 2 }))).rejects.toMatchObject({
        code: 'sequence_gap',
        details: { expectedSeq: 0 },
      })
      expect(await store.produce(id, batch(0, ['b'], { epoch: 2 }))).toMatchObject({
        firstSeq: 4,
        duplicate: false,
      })
      await expect(store.produce(id, batch(1, ['c']))).rejects.toMatchObject({ code: 'fenced' })
      await expect(store.produce(id, batch(0, ['a']))).rejects.toMatchObject({ code: 'fenced' })
      expect((await readAll(store, id)).length).toBe(4)
    })

    test('producers of one run, and the same producer of two runs, are counted apart', async () => {
      const { store } = subject
      const [one, two] = [await begin(store), await begin(store)]
      await store.produce(one, batch(0, ['a']))
      expect(await store.produce(one, batch(0, ['b'], { id: 'q' }))).toMatchObject({ firstSeq: 4 })
      expect(await store.produce(two, batch(0, ['c']))).toMatchObject({ firstSeq: 3, duplicate: false })
    })

    test('a caller that does not count appends each time', async () => {
      const { store } = subject
      const id = await begin(store)
      const uncounted = { events: [line('a')], producer: null, leaseUntil }
      expect(await store.produce(id, uncounted)).toEqual({ firstSeq: 3, lastSeq: 3, duplicate: false })
      expect(await store.produce(id, uncounted)).toEqual({ firstSeq: 4, lastSeq: 4, duplicate: false })
    })

    test('what a producer was answered is kept by the next opening, and after the end of the run', async () => {
      const id = await begin(subject.store)
      const first = await subject.store.produce(id, batch(0, ['a']))
      const store = await subject.reopen()
      expect(await store.produce(id, batch(0, ['a']))).toEqual({ ...first, duplicate: true })
      await store.finish(id, 1, completed())
      expect(await store.produce(id, batch(0, ['a']))).toEqual({ ...first, duplicate: true })
      await expect(store.produce(id, batch(1, ['b']))).rejects.toMatchObject({ code: 'run_over' })
      await expect(store.produce(newRun().id, batch(0, []))).rejects.toMatchObject({ code: 'not_found' })
    })

    test('the same batch sent many times at once takes effect once', async () => {
      const { store } = subject
      const id = await begin(store)
      for (const seq of upTo(4).map((n) => n - 1)) {
        const answers = await Promise.all(upTo(8).map(() => store.produce(id, batch(seq, ['x', 'y']))))
        expect(answers.filter(({ duplicate }) => !duplicate).length).toBe(1)
        expect(new Set(answers.map(({ firstSeq }) => firstSeq))).toEqual(new Set([3 + 2 * seq]))
      }
      expect((await readAll(store, id)).map(({ seq }) => seq)).toEqual(upTo(10))
    })

    test('a run is silent once its lease has ended, and every batch renews it', async () => {
      const { store } = subject
      const [first, second] = [await begin(store), await begin(store)]
      await store.produce(second, { ...batch(0, []), leaseUntil: 90_000 })
      const silent = async (before: number) => (await store.listSilent(before)).map(({ id }) => id)
      expect(await silent(60_000)).toEqual([])
      expect(await silent(60_001)).toEqual([first])
      expect(await silent(100_000)).toEqual([first, second])
      await store.finish(first, 1, completed())
      expect(await silent(100_000)).toEqual([second])
    })

    test('a repeated batch renews the lease of a run that is open, and is answered once the run is over', async () => {
      const { store } = subject
      const id = await begin(store)
      const first = await store.produce(id, batch(0, ['a']))
      const again = { ...batch(0, ['a']), leaseUntil: 90_000 }
      expect(await store.produce(id, again)).toEqual({ ...first, duplicate: true })
      expect(await store.listSilent(90_000)).toEqual([])
      await store.finish(id, 1, completed())
      expect(await store.produce(id, again)).toEqual({ ...first, duplicate: true })
    })

    test('a lease is never shortened', async () => {
      const { store } = subject
      const id = await begin(store)
      await store.produce(id, { events: [], producer: null, leaseUntil: 90_000 })
      await store.produce(id, { events: [], producer: null, leaseUntil: 70_000 })
      await store.produce(id, { ...batch(0, []), leaseUntil: 80_000 })
      expect(await store.listSilent(90_000)).toEqual([])
    })

    test('a silent run is ended for its silence, with the cause, once', async () => {
      const { store } = subject
      const id = await begin(store)
      const [first, second] = await Promise.allSettled([
        store.finishSilent(id, 1, interrupted, 60_001),
        store.finishSilent(id, 1, interrupted, 60_001),
      ])
      expect(first).toMatchObject({ status: 'fulfilled', value: { state: 'interrupted', cause: 'crash' } })
      expect(second).toMatchObject({ status: 'rejected', reason: { code: 'run_over' } })
      expect((await readAll(store, id)).map(({ seq }) => seq)).toEqual(upTo(3))
      await expect(store.produce(id, batch(0, ['late']))).rejects.toMatchObject({ code: 'run_over' })
    })

    test('a batch that arrives before the end for silence keeps the run alive', async () => {
      const { store } = subject
      const id = await begin(store)
      expect((await store.listSilent(60_001)).map((run) => run.id)).toEqual([id])
      const commits: string[] = []
      store.onCommit(({ change }) => commits.push(change))
      // In one turn: the store has not answered the batch when the end is asked for.
      const [produced, ended] = await Promise.all([
        store.produce(id, { ...batch(0, ['a']), leaseUntil: 90_000 }),
        store.finishSilent(id, 1, interrupted, 60_001),
      ])
      expect([produced.firstSeq, ended, commits]).toEqual([3, null, ['updated']])
      expect(await store.getRun(id)).toMatchObject({ state: 'running', cause: null, head: 3 })
      expect(await store.finishSilent(id, 1, interrupted, 90_001)).toMatchObject({ state: 'interrupted' })
    })

    test('a run that something else is ending, or that has no lease, is not ended for its silence', async () => {
      const { store } = subject
      const id = await begin(store)
      await store.requestEnd(id, 'abort')
      expect(await store.finishSilent(id, 1, interrupted, 60_001)).toBeNull()
      const job = await runningRun(store)
      expect(await store.finishSilent(job, 1, interrupted, 60_001)).toBeNull()
      expect(await store.getRun(job)).toMatchObject({ state: 'running', cause: null })
      expect(await store.finish(id, 1, completed())).toMatchObject({ state: 'completed', cause: 'abort' })
    })

    test('a detached run is not to be ended after a crash, unless its end was requested', async () => {
      const { store } = subject
      const [kept, ended] = [await begin(store), await begin(store)]
      await store.requestEnd(ended, 'abort')
      const active = await store.listActive()
      expect(active.map(({ id }) => id)).toEqual([ended])
      expect(await store.getRun(kept)).toMatchObject({ state: 'running' })
    })

    test('commits of a producer’s batches are announced like any other', async () => {
      const { store } = subject
      const id = await begin(store)
      const seen: number[] = []
      store.onCommit((commit) => seen.push(...commit.events.map(({ seq }) => seq)))
      await store.produce(id, batch(0, ['a', 'b']))
      await store.produce(id, batch(0, ['a', 'b']))
      expect(seen).toEqual([3, 4])
    })
  })
}
