import { until } from '@millrace/test-support/until'
import { describe, expect, it, vi } from 'vitest'
import { EndRequest } from '#runners/runner'
import {
  ann,
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
import { outcome, untilAsked, workUntilAsked } from './support/scripted-runner.ts'

expectNothingUnhandled()

describe('an abort', () => {
  it('an abort of a queued run ends it before any work', async () => {
    const { runs, runner, store } = await openRig({ concurrency: 1 })
    const first = await startJob(runs)
    const queued = await startJob(runs)
    const third = await startJob(runs)
    const aborted = await runs.abort(queued.id, ann)
    expect(aborted).toMatchObject({ state: 'aborted', attempt: 0, startedAt: null })
    expect(aborted.finishedAt).not.toBeNull()
    expect((await expectWholeLog(store, queued.id)).map((event) => event.type)).toEqual([
      'run:queued',
      'error',
    ])
    await runs.abort(first.id, ann)
    await untilState(runs, third.id, 'running')
    expect(runner.begun).toEqual([first.id, third.id])
  })

  it('an abort of a run that has not reported its start ends it', async () => {
    const { runs, store } = await openRig({
      script: async ({ signal }) => {
        await untilAsked(signal)
        return outcome()
      },
    })
    const { id } = await startJob(runs)
    await untilState(runs, id, 'starting')
    expect(await runs.abort(id, ann)).toMatchObject({
      state: 'aborted',
      error: { message: 'Aborted by request' },
    })
    await expectWholeLog(store, id)
  })

  it('an abort of a running run keeps the events of its end, and ignores its outcome', async () => {
    const { runs, store, runner } = await openRig({
      script: async (context) => {
        await context.started()
        await untilAsked(context.signal)
        await context.emit([{ type: 'output', data: { line: 'the last words' } }])
        return outcome()
      },
    })
    const { id } = await startJob(runs)
    await untilState(runs, id, 'running')
    const run = await runs.abort(id, ann)
    expect(run).toMatchObject({ state: 'aborted', result: null })
    expect((await expectWholeLog(store, id)).map((event) => event.type)).toEqual([
      'run:queued',
      'run:started',
      'output',
      'error',
    ])
    expect(runner.context(id).signal.reason).toMatchObject({ endCause: 'abort' })
    expect(runs.activeCount).toBe(0)
  })

  it('an abort of a finished run changes nothing, however often', async () => {
    const { runs, store } = await openRig()
    const { id } = await startJob(runs)
    await untilState(runs, id, 'running')
    const first = await runs.abort(id, ann)
    expect(await runs.abort(id, ann)).toEqual(first)
    expect(await runs.abort(id, root)).toEqual(first)
    await expectWholeLog(store, id)
  })

  it('racing aborts are one terminal event, for queued and running runs', async () => {
    const { runs, store } = await openRig({ concurrency: 5 })
    const started = await Promise.all(Array.from({ length: 10 }, () => startJob(runs)))
    await untilState(runs, started[4]?.id ?? '', 'running')
    const answers = await Promise.all(
      started.flatMap(({ id }) => [runs.abort(id, ann), runs.abort(id, ann), runs.abort(id, root)]),
    )
    expect(answers.map((run) => run.state)).toEqual(answers.map(() => 'aborted'))
    for (const { id } of started) await expectWholeLog(store, id)
  })

  it('an abort that races the natural end is one terminal event', async () => {
    const gate = Promise.withResolvers<void>()
    const { runs, store } = await openRig({
      concurrency: 20,
      script: async (context) => {
        await context.started()
        await gate.promise
        return outcome()
      },
    })
    const started = await Promise.all(Array.from({ length: 20 }, () => startJob(runs)))
    for (const { id } of started) await untilState(runs, id, 'running')
    const aborts = started.map(({ id }, index) => {
      if (index === 10) gate.resolve()
      return runs.abort(id, ann)
    })
    for (const run of await Promise.all(aborts)) {
      expect(['aborted', 'completed']).toContain(run.state)
      await expectWholeLog(store, run.id)
    }
  })

  it('an abort reaches a run whose claim has not returned yet', async () => {
    const gate = Promise.withResolvers<void>()
    const { runs, store, runner } = await openRig({
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
    expect((await runs.abort(id, ann)).state).toBe('starting')
    gate.resolve()
    expect((await untilOver(runs, id)).state).toBe('aborted')
    expect(runner.context(id).signal.reason).toMatchObject({ endCause: 'abort' })
    await expectWholeLog(store, id)
  })

  it('an abort returns the run as it is if the runner takes long to end', async () => {
    const gate = Promise.withResolvers<void>()
    const { runs } = await openRig({
      parts: { abortWaitMs: 1 },
      script: async (context) => {
        await context.started()
        await gate.promise
        return outcome()
      },
    })
    const { id } = await startJob(runs)
    await untilState(runs, id, 'running')
    expect((await runs.abort(id, ann)).state).toBe('running')
    gate.resolve()
    expect((await untilOver(runs, id)).state).toBe('aborted')
  })

  it('an abort ends a run even while its cause cannot be recorded: the run may be what fills the disk', async () => {
    const gate = Promise.withResolvers<void>()
    const { runs, runner } = await openRig({
      between: (store) => ({
        ...store,
        requestEnd: async (id, cause) => {
          await gate.promise
          return store.requestEnd(id, cause)
        },
      }),
    })
    const { id } = await startJob(runs)
    await untilState(runs, id, 'running')
    const aborting = runs.abort(id, ann)
    await until(() => runner.context(id).signal.aborted)
    gate.resolve()
    expect((await aborting).state).toBe('aborted')
  })

  it('an abort on a full disk ends the run without waiting for room', async () => {
    const room = Promise.withResolvers<void>()
    const { runs } = await openRig({
      parts: { abortWaitMs: 20 },
      between: (store) => ({
        ...store,
        status: () => ({ kind: 'full', message: 'the disk is full' }),
        requestEnd: async (id, cause) => {
          await room.promise
          return store.requestEnd(id, cause)
        },
      }),
    })
    const { id } = await startJob(runs)
    await untilState(runs, id, 'running')
    expect(await refusalOf(runs.abort(id, ann))).toBe('storage_full')
    room.resolve()
    expect((await untilOver(runs, id)).state).toBe('aborted')
  })
})

describe('a runner', () => {
  it('a runner that throws makes an errored run with its message, and no stack', async () => {
    const { runs, store } = await openRig({
      script: async () => {
        throw new Error('there is no such model')
      },
    })
    const { id } = await startJob(runs)
    const run = await untilOver(runs, id)
    expect(run).toMatchObject({ state: 'errored', error: { message: 'there is no such model' } })
    const log = await expectWholeLog(store, id)
    expect(log.at(-1)?.data).toMatchObject({ message: 'there is no such model', state: 'errored' })
    expect(JSON.stringify(log)).not.toContain('scripted-runner')
  })

  it('a runner that throws synchronously, or throws something else than an error, makes an errored run', async () => {
    const { runs, runner } = await openRig()
    runner.run = () => {
      throw 'not even an error'
    }
    const { id } = await startJob(runs)
    expect(await untilOver(runs, id)).toMatchObject({
      state: 'errored',
      error: { message: 'not even an error' },
    })
  })

  it('a runner that reports a failure itself keeps its own words', async () => {
    const { runs, store } = await openRig({
      script: async () =>
        outcome({
          state: 'errored',
          data: { message: 'no' },
          result: null,
          error: { message: 'no', code: 7 },
        }),
    })
    const { id } = await startJob(runs)
    expect(await untilOver(runs, id)).toMatchObject({ state: 'errored', error: { message: 'no', code: 7 } })
    expect((await logOf(store, id)).at(-1)).toMatchObject({ type: 'error', data: { message: 'no' } })
  })

  const circular: Record<string, unknown> = {}
  circular.self = circular
  it.each([
    ['data that JSON cannot hold', outcome({ data: circular })],
    ['a result that JSON cannot hold', outcome({ result: 10n })],
    ['usage that JSON cannot hold', outcome({ usage: { tokens: 10n } })],
    ['no outcome', undefined as never],
  ])(
    'a runner that ends with %s makes an errored run, and its place is free again',
    async (_what, ending) => {
      const { runs, store, runner } = await openRig({ concurrency: 1, script: async () => ending })
      const { id } = await startJob(runs)
      expect((await untilOver(runs, id)).state).toBe('errored')
      await expectWholeLog(store, id)
      runner.script = workUntilAsked
      await untilState(runs, (await startJob(runs)).id, 'running')
    },
  )

  it('a runner that cannot describe the end of its run does not prevent that end', async () => {
    const { runs, store, runner } = await openRig({ concurrency: 1 })
    runner.ended = () => {
      throw new Error('no words')
    }
    const running = await startJob(runs)
    const queued = await startJob(runs)
    await untilState(runs, running.id, 'running')
    expect((await runs.abort(queued.id, ann)).state).toBe('aborted')
    expect((await runs.abort(running.id, ann)).state).toBe('aborted')
    for (const { id } of [running, queued]) {
      expect((await expectWholeLog(store, id)).at(-1)?.data).toMatchObject({ state: 'aborted' })
    }
  })

  it('a runner’s signal is aborted once the run is over, whatever happened', async () => {
    const { runs, runner } = await openRig({ script: async () => outcome() })
    const { id } = await startJob(runs)
    await untilOver(runs, id)
    await until(() => runner.context(id).signal.aborted)
    expect(runner.context(id).signal.reason).toBeInstanceOf(EndRequest)
  })
})

it('an end that cannot be stored leaves nothing active and is logged', async () => {
  const finish = vi.fn(() => Promise.reject(new Error('the disk is gone')))
  const { runs, logged } = await openRig({
    between: (store) => ({ ...store, finish }),
    script: async () => outcome(),
  })
  await startJob(runs)
  await until(() => finish.mock.calls.length > 0 && runs.activeCount === 0)
  expect(logged.join('')).toContain('the end of a run could not be stored')
})
