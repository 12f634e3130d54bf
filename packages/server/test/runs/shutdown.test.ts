import { until } from '@millrace/test-support/until'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { emptyTables } from '#store/memory/tables'
import {
  ann,
  expectNothingUnhandled,
  expectWholeLog,
  openRig,
  refusalOf,
  root,
  startJob,
  untilOver,
  untilState,
} from './support/rig.ts'
import { finishAtOnce, outcome, type Script, untilAsked } from './support/scripted-runner.ts'

expectNothingUnhandled()

/** Keeps working, whatever the signal says, until the gate is opened. */
function deaf(gate: Promise<void>): Script {
  return async (context) => {
    await context.started()
    await gate
    return outcome()
  }
}

describe('a shutdown', () => {
  it('a shutdown interrupts active runs, and leaves the queue to the next server', async () => {
    const tables = emptyTables()
    const first = await openRig({ tables, concurrency: 2 })
    const started = await Promise.all(Array.from({ length: 5 }, () => startJob(first.runs)))
    const [one, two, ...queued] = started.map((run) => run.id)
    await untilState(first.runs, two ?? '', 'running')
    await first.runs.shutdown()
    expect(first.runs.activeCount).toBe(0)
    for (const id of [one ?? '', two ?? '']) {
      expect(await first.store.getRun(id)).toMatchObject({ state: 'interrupted', cause: 'shutdown' })
      await expectWholeLog(first.store, id)
    }
    for (const id of queued) expect((await first.store.getRun(id))?.state).toBe('queued')
    await first.close()

    const second = await openRig({ tables, concurrency: 2, script: finishAtOnce })
    for (const id of queued) expect((await untilOver(second.runs, id)).state).toBe('completed')
    expect(second.runner.begun).toEqual(queued)
  })

  it('a shutdown refuses starts and retries, and begins nothing more', async () => {
    const { runs, runner } = await openRig({ script: finishAtOnce })
    const { id } = await startJob(runs)
    await untilOver(runs, id)
    runs.refuseStarts()
    expect(await refusalOf(startJob(runs))).toBe('draining')
    await runs.shutdown()
    expect(await refusalOf(runs.retry(id, ann))).toBe('draining')
    expect(runner.begun).toEqual([id])
  })

  it('a shutdown stores the events of a runner that ends', async () => {
    const { runs, store } = await openRig({
      parts: { shutdownGraceMs: 10_000 },
      script: async (context) => {
        await context.started()
        await untilAsked(context.signal)
        void context.emit([{ type: 'output', data: { line: 'goodbye' } }])
        return outcome()
      },
    })
    const { id } = await startJob(runs)
    await untilState(runs, id, 'running')
    await runs.shutdown()
    const log = await expectWholeLog(store, id)
    expect(log.map((event) => event.type)).toEqual(['run:queued', 'run:started', 'output', 'error'])
    expect(log.at(-1)?.data).toMatchObject({ state: 'interrupted' })
  })

  it('a shutdown stores the end of a run whose runner ignores it, and refuses its later events', async () => {
    const gate = Promise.withResolvers<void>()
    const { runs, runner, store } = await openRig({ script: deaf(gate.promise) })
    const { id } = await startJob(runs)
    await untilState(runs, id, 'running')
    await runs.shutdown()
    expect(runs.activeCount).toBe(0)
    expect(await store.getRun(id)).toMatchObject({ state: 'interrupted' })
    const late = runner.context(id).emit([{ type: 'output', data: { line: 'late' } }])
    expect(await refusalOf(late)).toBe('run_over')
    gate.resolve()
    await until(() => runner.active === 0)
    expect(await expectWholeLog(store, id)).toHaveLength(3)
  })

  it('repeated and concurrent shutdowns are one', async () => {
    const { runs, store } = await openRig({ concurrency: 3 })
    const started = await Promise.all(Array.from({ length: 3 }, () => startJob(runs)))
    for (const { id } of started) await untilState(runs, id, 'running')
    await Promise.all([runs.shutdown(), runs.shutdown()])
    await runs.shutdown()
    for (const { id } of started) await expectWholeLog(store, id)
  })

  it('a shutdown leaves a run alone that is ending by itself', async () => {
    const gate = Promise.withResolvers<void>()
    const finishing = Promise.withResolvers<void>()
    const { runs, store } = await openRig({
      parts: { shutdownGraceMs: 10_000 },
      script: finishAtOnce,
      between: (store) => ({
        ...store,
        finish: async (...finish) => {
          finishing.resolve()
          await gate.promise
          return store.finish(...finish)
        },
      }),
    })
    const { id } = await startJob(runs)
    await finishing.promise
    const shutdown = runs.shutdown()
    gate.resolve()
    await shutdown
    expect((await expectWholeLog(store, id)).at(-1)?.type).toBe('complete')
  })

  it('a shutdown ends even if the store accepts nothing, as on a full disk', async () => {
    let full = false
    const never = new Promise<never>(() => {})
    const { runs, runner } = await openRig({
      between: (store) => ({
        ...store,
        claim: (claim) => (full ? never : store.claim(claim)),
        requestEnd: (id, cause) => (full ? never : store.requestEnd(id, cause)),
        finish: (...finish) => (full ? never : store.finish(...finish)),
      }),
    })
    const { id } = await startJob(runs)
    await untilState(runs, id, 'running')
    full = true
    await startJob(runs)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const shutdown = runs.shutdown()
    // It waits for the record of each end, and for each commit.
    await vi.advanceTimersByTimeAsync(10_000)
    await shutdown
    expect(runner.context(id).signal.aborted).toBe(true)
    expect(runner.active).toBe(0)
  })

  it('a shutdown ends a run whose claim returns only afterwards', async () => {
    const gate = Promise.withResolvers<void>()
    const { runs, runner, store } = await openRig({
      between: (store) => ({
        ...store,
        claim: async (claim) => {
          const run = await store.claim(claim)
          if (run !== null) await gate.promise
          return run
        },
      }),
    })
    const { id } = await startJob(runs)
    await untilState(runs, id, 'starting')
    await runs.shutdown()
    gate.resolve()
    expect((await untilOver(runs, id)).state).toBe('interrupted')
    expect(runner.context(id).signal.reason).toMatchObject({ endCause: 'shutdown' })
    await expectWholeLog(store, id)
  })
})

describe('the first cause of ending', () => {
  const listening: Script = async (context) => {
    await context.started()
    await untilAsked(context.signal)
    await new Promise((resolve) => setImmediate(resolve))
    return outcome()
  }

  it('an abort before a shutdown is the cause', async () => {
    const { runs, store } = await openRig({ script: listening })
    const { id } = await startJob(runs)
    await untilState(runs, id, 'running')
    const abort = runs.abort(id, ann)
    await until(async () => (await store.getRun(id))?.cause === 'abort')
    await Promise.all([abort, runs.shutdown()])
    expect(await store.getRun(id)).toMatchObject({ state: 'aborted', cause: 'abort' })
    await expectWholeLog(store, id)
  })

  it('a shutdown before an abort is the cause', async () => {
    const { runs, store, runner } = await openRig({ script: listening })
    const { id } = await startJob(runs)
    await untilState(runs, id, 'running')
    const shutdown = runs.shutdown()
    await until(async () => (await store.getRun(id))?.cause === 'shutdown')
    await Promise.all([runs.abort(id, ann), shutdown])
    expect(await store.getRun(id)).toMatchObject({ state: 'interrupted', cause: 'shutdown' })
    expect(runner.context(id).signal.reason).toMatchObject({ endCause: 'shutdown' })
  })

  it('of a concurrent abort and shutdown the one stored first is the cause', async () => {
    const { runs, store } = await openRig({ concurrency: 20, script: listening })
    const started = await Promise.all(Array.from({ length: 20 }, () => startJob(runs)))
    for (const { id } of started) await untilState(runs, id, 'running')
    await Promise.all([
      ...started.slice(0, 10).map(({ id }) => runs.abort(id, ann)),
      runs.shutdown(),
      ...started.slice(10).map(({ id }) => runs.abort(id, root)),
    ])
    for (const { id } of started) {
      const run = await store.getRun(id)
      expect([run?.cause, run?.state]).toEqual(
        run?.cause === 'abort' ? ['abort', 'aborted'] : ['shutdown', 'interrupted'],
      )
      await expectWholeLog(store, id)
    }
  })

  it('the cause on disk counts, in whatever order the store’s answers arrive', async () => {
    const abortSeen = Promise.withResolvers<void>()
    const { runs, store } = await openRig({
      script: listening,
      between: (store) => ({
        ...store,
        requestEnd: async (id, cause) => {
          const record = await store.requestEnd(id, cause)
          // The shutdown learns of its own record after the abort did.
          if (cause === 'shutdown') await abortSeen.promise
          else setImmediate(() => abortSeen.resolve())
          return record
        },
      }),
    })
    const { id } = await startJob(runs)
    await untilState(runs, id, 'running')
    const shutdown = runs.shutdown()
    await until(async () => (await store.getRun(id))?.cause === 'shutdown')
    await Promise.all([runs.abort(id, ann), shutdown])
    expect(await store.getRun(id)).toMatchObject({ state: 'interrupted', cause: 'shutdown' })
  })
})
