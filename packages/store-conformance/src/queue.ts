/** The queue: creating, claiming and ending runs. */
import { describe, expect, test } from 'vitest'
import { completed, line, newRun, runningRun, type Subject, upTo } from './material.ts'

export function describeQueue(subject: Subject): void {
  describe('the queue', () => {
    test('a new run is queued and has its first event', async () => {
      const { store } = subject
      const run = newRun({ retryOf: newRun().id, spec: { tool: 'x', args: { a: '1' } } })
      const { queued: _queued, exclusive: _exclusive, idempotency: _idempotency, ...shown } = run
      const { run: record, created } = await store.createRun(run)
      expect(created).toBe(true)
      expect(record).toEqual({
        ...shown,
        forkOf: null,
        state: 'queued',
        outcome: null,
        attempt: 0,
        startedAt: null,
        finishedAt: null,
        result: null,
        error: null,
        usage: null,
        head: 1,
        cause: null,
        process: null,
        node: null,
        parked: null,
      })
      expect(await store.getRun(run.id)).toEqual(record)
    })

    test('runs of a kind are claimed oldest first, and never more than the limit are active', async () => {
      const { store } = subject
      const ids = upTo(4).map(() => newRun().id)
      for (const id of ids) await store.createRun(newRun({ id }))
      await store.createRun(newRun({ kind: 'execution' }))
      const claim = () => store.claim({ kind: 'job', limit: 2, node: 'here' })
      const first = await claim()
      expect(first).toMatchObject({
        id: ids[0],
        state: 'starting',
        attempt: 1,
        node: 'here',
        startedAt: null,
      })
      await store.markRunning(ids[0] ?? '', 1, line('started', 4_000))
      expect((await claim())?.id).toBe(ids[1])
      expect(await claim()).toBeNull()
      await store.finish(ids[0] ?? '', 1, completed())
      expect((await claim())?.id).toBe(ids[2])
      expect(await claim()).toBeNull()
    })

    test('a limit counts the runs of the node that claims, not those of other nodes', async () => {
      const { store } = subject
      for (const _ of upTo(4)) await store.createRun(newRun())
      const claim = (node: string) => store.claim({ kind: 'job', limit: 1, node })
      expect(await claim('here')).toMatchObject({ node: 'here' })
      expect(await claim('here')).toBeNull()
      expect(await claim('there')).toMatchObject({ node: 'there' })
      expect(await claim('there')).toBeNull()
    })

    test('claims that race take different runs and stay within the limit', async () => {
      const { store } = subject
      await Promise.all(upTo(30).map(() => store.createRun(newRun())))
      const claims = await Promise.all(
        upTo(25).map(() => store.claim({ kind: 'job', limit: 10, node: 'here' })),
      )
      const taken = claims.flatMap((run) => (run === null ? [] : [run.id]))
      expect(taken).toHaveLength(10)
      expect(new Set(taken).size).toBe(10)
      expect(await store.listActive()).toHaveLength(10)
    })

    test('a queued run whose end was requested is never claimed, and can be finished from the queue', async () => {
      const { store } = subject
      const [ended, next] = [newRun(), newRun()]
      await store.createRun(ended)
      await store.createRun(next)
      expect(await store.requestEnd(ended.id, 'abort')).toMatchObject({ state: 'queued', cause: 'abort' })
      expect((await store.claim({ kind: 'job', limit: 5, node: 'here' }))?.id).toBe(next.id)
      const aborted = {
        ...completed(),
        state: 'aborted' as const,
        error: { message: 'aborted', why: 'user' },
      }
      expect(await store.finish(ended.id, 0, aborted)).toMatchObject({ state: 'aborted', attempt: 0 })
    })

    test('of twenty exclusive runs created at once in one project exactly one is accepted', async () => {
      const { store } = subject
      const start = (project: string) => store.createRun(newRun({ exclusive: true, project }))
      const results = await Promise.allSettled([...upTo(20).map(() => start('web')), start('api')])
      const created = results.slice(0, 20).filter((result) => result.status === 'fulfilled')
      expect(created).toHaveLength(1)
      expect(results.at(-1)?.status).toBe('fulfilled')
      for (const result of results) {
        if (result.status === 'rejected') {
          expect(result.reason).toMatchObject({
            code: 'project_busy',
            message: 'Project already has an active agent session',
          })
        }
      }
    })

    test('a project takes another exclusive run when the previous one is over, and other runs at any time', async () => {
      const { store } = subject
      const id = await runningRun(store, { exclusive: true })
      await store.createRun(newRun())
      await expect(store.createRun(newRun({ exclusive: true }))).rejects.toMatchObject({
        code: 'project_busy',
      })
      await store.finish(id, 1, completed())
      expect((await store.createRun(newRun({ exclusive: true }))).created).toBe(true)
    })

    test('exclusive runs of one project in different places run at once, and each place has one', async () => {
      const { store } = subject
      const at = (place?: string) => newRun({ exclusive: true, ...(place === undefined ? {} : { place }) })
      await store.createRun(at())
      const first = await store.createRun(at('web, worktree a'))
      await store.createRun(at('web, worktree b'))
      await expect(store.createRun(at('web, worktree a'))).rejects.toMatchObject({
        code: 'project_busy',
        message: 'The worktree already has an active agent session',
      })
      await store.finish(first.run.id, 0, { ...completed(), state: 'aborted' })
      expect((await store.createRun(at('web, worktree a'))).created).toBe(true)
      const other = { ...at('web, worktree b'), exclusive: false }
      expect((await store.createRun(other)).created).toBe(true)
    })

    test('a repeated idempotency key answers with the first run, for the same owner and request only', async () => {
      const { store } = subject
      const keyed = (owner: string, fingerprint: string) =>
        newRun({ exclusive: true, owner, idempotency: { key: 'k', fingerprint } })
      const all = await Promise.all(upTo(5).map(() => store.createRun(keyed('ada', 'same'))))
      expect(all.map(({ created }) => created)).toEqual([true, false, false, false, false])
      expect(new Set(all.map(({ run }) => run.id)).size).toBe(1)
      await expect(store.createRun(keyed('ada', 'other'))).rejects.toMatchObject({
        code: 'idempotency_mismatch',
      })
      await expect(store.createRun(keyed('bob', 'same'))).rejects.toMatchObject({ code: 'project_busy' })
      expect((await store.listRuns({ limit: 10 })).runs).toHaveLength(1)
      await subject.reopen()
      expect(await subject.store.createRun(keyed('ada', 'same'))).toMatchObject({
        created: false,
        run: all[0]?.run,
      })
    })

    test('a run keeps its process, its start, its result, its error and its usage', async () => {
      const { store } = subject
      const run = newRun()
      await store.createRun(run)
      await store.claim({ kind: 'job', limit: 1, node: 'here' })
      await store.recordProcess(run.id, 1, { pid: 4242, startTime: 77 })
      const running = await store.markRunning(run.id, 1, { at: 4_000, type: 'run:started', json: '{}' })
      expect(running).toMatchObject({
        state: 'running',
        startedAt: 4_000,
        head: 2,
        process: { pid: 4242, startTime: 77 },
      })
      await expect(store.markRunning(run.id, 1, line('again'))).rejects.toMatchObject({
        code: 'stale_attempt',
      })
      const finished = await store.finish(run.id, 1, {
        state: 'errored',
        event: { at: 9_000, type: 'error', json: '{"message":"no"}' },
        result: { partial: [1, 2] },
        error: { message: 'no', code: 7 },
        usage: { tokens: 3 },
      })
      expect(finished).toMatchObject({
        state: 'errored',
        finishedAt: 9_000,
        head: 3,
        result: { partial: [1, 2] },
        error: { message: 'no', code: 7 },
        usage: { tokens: 3 },
      })
      expect(await store.getRun(run.id)).toEqual(finished)
    })

    test('the first cause of ending wins, and a run that is over takes none', async () => {
      const { store } = subject
      const id = await runningRun(store)
      const causes = await Promise.all([
        store.requestEnd(id, 'crash'),
        store.requestEnd(id, 'abort'),
        store.requestEnd(id, 'shutdown'),
      ])
      expect(causes.map((record) => record?.cause)).toEqual(['crash', 'crash', 'crash'])
      const other = await runningRun(store)
      await store.finish(other, 1, completed())
      expect(await store.requestEnd(other, 'abort')).toMatchObject({ state: 'completed', cause: null })
    })

    test('a call that changes nothing announces no commit', async () => {
      const { store } = subject
      const id = await runningRun(store)
      const announced: string[] = []
      store.onCommit((commit) => announced.push(commit.change))
      await store.requestEnd(id, 'abort')
      await store.requestEnd(id, 'shutdown')
      await store.claim({ kind: 'job', limit: 9, node: 'here' })
      await store.append(id, 1, [])
      await store.prune(id, 0)
      expect(announced).toEqual(['updated'])
    })

    test('counts show how many runs wait, run and are over, and how long the completed ones took', async () => {
      const { store } = subject
      expect(await store.queueCounts('job')).toEqual({
        running: 0,
        pending: 0,
        completed: 0,
        failed: 0,
        averageDurationMs: 0,
      })
      const ids = [await runningRun(store), await runningRun(store), await runningRun(store)]
      await store.createRun(newRun())
      await store.createRun(newRun({ kind: 'execution' }))
      await store.finish(ids[0] ?? '', 1, completed(null, 4_000))
      await store.finish(ids[1] ?? '', 1, completed(null, 6_000))
      await store.finish(ids[2] ?? '', 1, { ...completed(null, 99_000), state: 'errored' })
      await store.claim({ kind: 'job', limit: 1, node: 'here' })
      await store.createRun(newRun())
      expect(await store.queueCounts('job')).toEqual({
        running: 1,
        pending: 1,
        completed: 2,
        failed: 1,
        averageDurationMs: 2_000,
      })
    })
  })
}
