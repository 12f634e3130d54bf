import { until } from '@millrace/test-support/until'
import { describe, expect, it } from 'vitest'
import {
  ann,
  bob,
  eve,
  expectNothingUnhandled,
  expectWholeLog,
  logOf,
  openRig,
  refusalOf,
  root,
  startJob,
  untilOver,
  untilState,
} from './support/rig.ts'
import { finishAtOnce, outcome, workUntilAsked } from './support/scripted-runner.ts'

expectNothingUnhandled()

describe('a start', () => {
  it('a start answers before the work ends, with a run that is on disk', async () => {
    const { runs, store } = await openRig({ script: workUntilAsked })
    const run = await startJob(runs, { tool: 'count', project: 'web' })
    expect(run).toMatchObject({ state: 'queued', owner: 'ann', attempt: 0, head: 1, project: 'web' })
    expect(await store.getRun(run.id)).toMatchObject({ id: run.id, spec: { tool: 'count', project: 'web' } })
    expect((await untilState(runs, run.id, 'running')).attempt).toBe(1)
    expect((await logOf(store, run.id)).map(({ type, data }) => [type, data])).toEqual([
      ['run:queued', { kind: 'job', project: 'web', spec: { tool: 'count', project: 'web' } }],
      ['run:started', { attempt: 1 }],
    ])
  })

  it('a start reveals nothing internal', async () => {
    const { runs } = await openRig()
    const run = await startJob(runs)
    const running = await untilState(runs, run.id, 'running')
    const { runs: listed } = await runs.list({ limit: 5 }, ann)
    for (const shown of [run, running, ...listed]) {
      for (const inside of ['cause', 'process', 'node']) expect(shown).not.toHaveProperty(inside)
    }
  })

  it('a start of a kind that this server does not run is refused with the field at fault', async () => {
    const { runs } = await openRig()
    await expect(runs.start({ kind: 'session', prompt: 'x' }, ann)).rejects.toMatchObject({
      code: 'invalid_request',
      fields: [{ path: 'kind', expected: 'one of job' }],
    })
  })

  it('a start with a spec above the bound of an event keeps the spec and cuts the event', async () => {
    const { runs, store } = await openRig({ script: finishAtOnce })
    const prompt = '"'.repeat(10_000)
    const run = await startJob(runs, { prompt })
    expect((await runs.get(run.id, ann)).spec.prompt).toBe(prompt)
    const [queued] = await logOf(store, run.id)
    expect(queued?.data).toMatchObject({ kind: 'job', truncated: ['spec.prompt'] })
    expect(JSON.stringify(queued?.data).length).toBeLessThanOrEqual(4096)
  })
})

describe('the queue', () => {
  it('fifty queued jobs run first in, first out, never more at once than the kind allows', async () => {
    const { runs, runner, store } = await openRig({
      concurrency: 3,
      script: async (context) => {
        await context.started()
        await context.emit([{ type: 'output', data: { line: context.run.id } }])
        return outcome()
      },
    })
    const started = await Promise.all(Array.from({ length: 50 }, (_, n) => startJob(runs, { n })))
    const last = started.at(-1)
    for (const { id } of started) expect((await untilOver(runs, id)).state).toBe('completed')
    expect(runner.begun).toEqual(started.map((run) => run.id))
    expect(runner.mostActive).toBe(3)
    await until(() => runs.activeCount === 0)
    expect(await runs.counts('job')).toMatchObject({ running: 0, pending: 0, completed: 50, failed: 0 })
    expect((await expectWholeLog(store, last?.id ?? '')).map((event) => event.data)).toContainEqual({
      line: last?.id,
    })
  })

  it('a queued run without room waits until another ends', async () => {
    const { runs, runner } = await openRig({ concurrency: 1 })
    const first = await startJob(runs)
    const second = await startJob(runs)
    await untilState(runs, first.id, 'running')
    expect((await runs.get(second.id, ann)).state).toBe('queued')
    await runs.abort(first.id, ann)
    await untilState(runs, second.id, 'running')
    expect(runner.mostActive).toBe(1)
  })
})

describe("another's run", () => {
  it('another’s run does not exist for any call, in the same words as an unknown one', async () => {
    const { runs } = await openRig()
    const { id } = await startJob(runs)
    const nowhere = '00000000-0000-4000-8000-000000000000'
    for (const call of ['get', 'abort', 'retry'] as const) {
      const said = async (asked: string) =>
        runs[call](asked, eve).then(
          () => 'found',
          (error: Error & { code?: string }) => `${error.code}: ${error.message.replace(asked, 'ID')}`,
        )
      expect(await said(id)).toBe('not_found: No run ID')
      expect(await said(nowhere)).toBe(await said(id))
    }
    expect((await runs.list({ limit: 10 }, eve)).runs).toEqual([])
    expect((await runs.get(id, ann)).state).not.toBe('aborted')
  })

  it('an admin sees, aborts and retries another’s run', async () => {
    const { runs } = await openRig()
    const { id } = await startJob(runs)
    await untilState(runs, id, 'running')
    expect((await runs.list({ limit: 1 }, root)).runs.map((run) => run.id)).toEqual([id])
    expect((await runs.abort(id, root)).state).toBe('aborted')
    expect((await runs.retry(id, root)).owner).toBe('root')
  })

  it('a filter that names the owner does not find another’s run', async () => {
    const { runs } = await openRig()
    await startJob(runs)
    const filter = { limit: 10, owner: 'ann' } as { limit: number }
    expect((await runs.list(filter, eve)).runs).toEqual([])
  })
})

describe('a retry', () => {
  it('a retry is a new run of the same spec that names the first', async () => {
    const { runs, runner } = await openRig({ script: finishAtOnce })
    const first = await startJob(runs, { tool: 'count', project: 'web', args: { path: 'x' } })
    await untilOver(runs, first.id)
    const again = await runs.retry(first.id, ann)
    expect(again).toMatchObject({
      spec: first.spec,
      project: 'web',
      kind: 'job',
      owner: 'ann',
      retryOf: first.id,
    })
    expect(again.id).not.toBe(first.id)
    await untilOver(runs, again.id)
    expect(runner.begun).toEqual([first.id, again.id])
  })

  it('a retry of a run that is not over is refused', async () => {
    const { runs } = await openRig()
    const { id } = await startJob(runs)
    expect(await refusalOf(runs.retry(id, ann))).toBe('run_open')
  })
})

describe('an idempotency key', () => {
  it('concurrent starts with one idempotency key are one run', async () => {
    const { runs, runner } = await openRig({ script: finishAtOnce })
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        runs.start({ kind: 'job', tool: 'count' }, ann, { idempotencyKey: 'key 0' }),
      ),
    )
    expect(new Set(answers.map(({ run }) => run.id)).size).toBe(1)
    expect(answers.filter(({ created }) => created)).toHaveLength(1)
    await untilOver(runs, answers[0]?.run.id ?? '')
    expect(runner.begun).toHaveLength(1)
  })

  it('an idempotency key ignores the order of members, at any depth', async () => {
    const { runs } = await openRig()
    const key = { idempotencyKey: 'key 1' }
    const first = await runs.start({ kind: 'job', tool: 'a', args: { x: '1', y: '2' } }, ann, key)
    const again = await runs.start({ kind: 'job', args: { y: '2', x: '1' }, tool: 'a' }, ann, key)
    expect(again).toMatchObject({ created: false, run: { id: first.run.id } })
  })

  it('an idempotency key is refused for another request, and belongs to its owner alone', async () => {
    const { runs } = await openRig()
    const key = { idempotencyKey: 'key 2' }
    const first = await runs.start({ kind: 'job', tool: 'a' }, ann, key)
    expect(await refusalOf(runs.start({ kind: 'job', tool: 'b' }, ann, key))).toBe('idempotency_mismatch')
    expect(await refusalOf(runs.start({ kind: 'job', tool: 'a', project: 'web' }, ann, key))).toBe(
      'idempotency_mismatch',
    )
    const other = await runs.start({ kind: 'job', tool: 'a' }, bob, key)
    expect(other.created).toBe(true)
    expect(other.run.id).not.toBe(first.run.id)
  })
})
