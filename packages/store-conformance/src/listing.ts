/** Listings: pages, filters, active runs. */
import type { RunKind } from '@millrace/protocol'
import type { Finish, RunFilter, Store } from '@millrace/server/store'
import { describe, expect, test } from 'vitest'
import { completed, newRun, runningRun, type Subject, upTo } from './material.ts'

export function describeListing(subject: Subject): void {
  describe('listing', () => {
    test('pages show every run once, newest first, also while new runs arrive', async () => {
      const { store } = subject
      const ids: string[] = []
      for (let n = 0; n < 23; n += 1) ids.push((await store.createRun(newRun())).run.id)
      const seen: string[] = []
      let cursor: string | undefined
      do {
        const page = await store.listRuns({ limit: 5, cursor })
        expect(page.runs.length).toBeLessThanOrEqual(5)
        seen.push(...page.runs.map((run) => run.id))
        cursor = page.nextCursor ?? undefined
        await store.createRun(newRun())
      } while (cursor !== undefined)
      expect(seen).toEqual(ids.toReversed())
    })

    test('a page that is exactly full has no next page when nothing is left', async () => {
      const { store } = subject
      await Promise.all(upTo(4).map(() => store.createRun(newRun())))
      expect((await store.listRuns({ limit: 4 })).nextCursor).toBeNull()
      expect((await store.listRuns({ limit: 3 })).nextCursor).not.toBeNull()
    })

    test('several filters of a listing all apply', async () => {
      const { store } = subject
      const make = async (owner: string, kind: RunKind, project: string) =>
        (await store.createRun(newRun({ owner, kind, project }))).run.id
      const [a, b, c, d] = [
        await make('ada', 'job', 'web'),
        await make('ada', 'execution', 'web'),
        await make('bob', 'job', 'web'),
        await make('ada', 'job', 'api'),
      ]
      await store.claim({ kind: 'job', limit: 9, node: 'here' })
      const found = (filter: Partial<RunFilter>) => idsOf(store, filter)
      expect(await found({})).toEqual([d, c, b, a])
      expect(await found({ owner: 'ada' })).toEqual([d, b, a])
      expect(await found({ owner: 'ada', kind: 'job' })).toEqual([d, a])
      expect(await found({ project: 'web', kind: 'job' })).toEqual([c, a])
      expect(await found({ state: 'starting' })).toEqual([a])
      expect(await found({ owner: 'bob', state: 'starting' })).toEqual([])
      expect(await found({ owner: 'nobody' })).toEqual([])
    })

    test('a run has no outcome until it ends, then the one that its state and its result stand for', async () => {
      const { store } = subject
      const ended = async (kind: RunKind, finish: Partial<Finish>, owner = 'ada') => {
        const id = await runningRun(store, { kind, owner })
        expect((await store.getRun(id))?.outcome).toBeNull()
        await store.finish(id, 1, { ...completed(), ...finish })
        return id
      }
      const passed = await ended('job', { result: { success: true, exitCode: 0 } })
      const exited = await ended('job', { result: { success: false, exitCode: 3 } })
      const answered = await ended('execution', { result: { success: false } })
      const errored = await ended('session', { state: 'errored', error: { message: 'no' } }, 'bob')
      const aborted = await ended('job', { state: 'aborted' })
      const interrupted = await ended('external', { state: 'interrupted' })
      await store.createRun(newRun())
      await subject.reopen()
      const found = (filter: Partial<RunFilter>) => idsOf(subject.store, filter)
      expect(await found({ outcome: 'success' })).toEqual([answered, passed])
      expect(await found({ outcome: 'failure' })).toEqual([errored, exited])
      expect(await found({ outcome: 'failure', owner: 'ada' })).toEqual([exited])
      expect(await found({ outcome: 'failure', state: 'errored' })).toEqual([errored])
      expect(await found({ outcome: 'aborted' })).toEqual([aborted])
      expect(await found({ outcome: 'interrupted' })).toEqual([interrupted])
      expect((await subject.store.getRun(exited))?.outcome).toBe('failure')
    })

    test('a run is found by text in its tool, its title, its prompt or its id, whatever the case', async () => {
      const { store } = subject
      const make = async (spec: Record<string, unknown>, owner = 'ada') =>
        (await store.createRun(newRun({ spec, owner }))).run.id
      const job = await make({ tool: 'npm:Test' })
      const session = await make({ prompt: `Größe 100%_ of\nthe "test" suite\ud83d` }, 'bob')
      const external = await make({ title: 'Nightly build' })
      const execution = await make({ task: 'Plan the release', secret: 'hidden' })
      const found = (q: string, filter: Partial<RunFilter> = {}) => idsOf(store, { q, ...filter })
      expect(await found('TEST')).toEqual([session, job])
      expect(await found('test', { owner: 'bob' })).toEqual([session])
      expect(await found('GRÖSSE')).toEqual([])
      expect(await found('gröSSe')).toEqual([])
      expect(await found('GRÖßE')).toEqual([session])
      expect(await found('100%_')).toEqual([session])
      expect(await found('1%')).toEqual([])
      expect(await found('of\nthe "')).toEqual([session])
      expect(await found('night')).toEqual([external])
      expect(await found('release')).toEqual([execution])
      expect(await found('hidden')).toEqual([])
      expect(await found(job.slice(3, 20).toUpperCase())).toEqual([job])
      expect(await found('')).toEqual([execution, external, session, job])
      const page = await store.listRuns({ q: 'test', limit: 1 })
      expect(page.runs.map(({ id }) => id)).toEqual([session])
      expect(await found('test', { cursor: page.nextCursor ?? '' })).toEqual([job])
    })

    test('a cursor that came from no page is refused, and the refusal names `cursor`', async () => {
      const { store } = subject
      await Promise.all(upTo(3).map(() => store.createRun(newRun())))
      const { nextCursor } = await store.listRuns({ limit: 1 })
      const altered = `${nextCursor?.startsWith('A') ? 'B' : 'A'}${nextCursor?.slice(1)}`
      for (const cursor of ['', 'x', '1', altered, "' OR 1", 'A'.repeat(22), `${nextCursor}${nextCursor}`]) {
        await expect(store.listRuns({ limit: 1, cursor })).rejects.toMatchObject({
          code: 'invalid_request',
          fields: [{ path: 'cursor' }],
        })
      }
      await subject.reopen()
      const next = await subject.store.listRuns({ limit: 9, cursor: nextCursor ?? '' })
      expect(next.runs).toHaveLength(2)
    })

    test('the active runs are those starting, running, or to be ended while queued, oldest first', async () => {
      const { store } = subject
      const ended = newRun()
      await store.createRun(ended)
      await store.requestEnd(ended.id, 'abort')
      const first = await runningRun(store)
      const second = await runningRun(store, { kind: 'session' })
      const third = newRun()
      await store.createRun(third)
      await store.claim({ kind: 'job', limit: 9, node: 'here' })
      await store.createRun(newRun())
      await store.finish(await runningRunOf(store), 1, completed())
      expect((await store.listActive()).map((run) => run.id)).toEqual([ended.id, first, second, third.id])
    })
  })
}

async function runningRunOf(store: Store): Promise<string> {
  return runningRun(store, { kind: 'execution' })
}

async function idsOf(store: Store, filter: Partial<RunFilter>): Promise<string[]> {
  return (await store.listRuns({ limit: 50, ...filter })).runs.map((run) => run.id)
}
