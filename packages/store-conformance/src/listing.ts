/** Listings: pages, filters, active runs. */
import type { RunKind } from '@millrace/protocol'
import type { RunFilter, Store } from '@millrace/server/store'
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
