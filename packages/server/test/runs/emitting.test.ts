import { Buffer } from 'node:buffer'
import { MillraceError } from '@millrace/protocol'
import { until } from '@millrace/test-support/until'
import { describe, expect, it } from 'vitest'
import type { RunContext } from '#runners/runner'
import {
  ann,
  expectNothingUnhandled,
  expectWholeLog,
  logOf,
  openRig,
  startJob,
  untilOver,
  untilState,
} from './support/rig.ts'
import { outcome, type Script, untilAsked, workUntilAsked } from './support/scripted-runner.ts'

expectNothingUnhandled()

const line = (text: string) => ({ type: 'output', data: { line: text } })

async function runOf(script: Script) {
  const rig = await openRig({ script })
  const { id } = await startJob(rig.runs)
  return { ...rig, id }
}

describe('events a runner emits', () => {
  it('emitted events are in the log in the order of the calls, before the terminal event, awaited or not', async () => {
    const { runs, store, id } = await runOf(async (context) => {
      void context.started()
      for (let n = 0; n < 200; n++) void context.emit([line(`${n}a`), line(`${n}b`)])
      return outcome()
    })
    await untilOver(runs, id)
    const log = await expectWholeLog(store, id)
    const expected = Array.from({ length: 200 }, (_, n) => [{ line: `${n}a` }, { line: `${n}b` }]).flat()
    expect(log.filter((event) => event.type === 'output').map((event) => event.data)).toEqual(expected)
    expect(log).toHaveLength(403)
  })

  it('emitted events are on disk when the promise resolves', async () => {
    const seen: number[] = []
    const rig = await openRig()
    rig.runner.script = async (context) => {
      await context.emit([line('one')])
      seen.push((await logOf(rig.store, context.run.id)).length)
      await context.emit([])
      return outcome()
    }
    const { id } = await startJob(rig.runs)
    await untilOver(rig.runs, id)
    expect(seen).toEqual([2])
  })

  it('emitted events count as uncommitted bytes until they are on disk', async () => {
    const counted: number[] = []
    const { runs, id } = await runOf(async (context) => {
      const written = context.emit([line('é漢😀')])
      counted.push(context.uncommittedBytes)
      await written
      counted.push(context.uncommittedBytes)
      return outcome()
    })
    await untilOver(runs, id)
    expect(counted).toEqual([Buffer.byteLength(JSON.stringify({ line: 'é漢😀' })), 0])
  })

  it('events above the bound are cut, the terminal one too', async () => {
    const long = 'x'.repeat(50_000)
    const { runs, store, id } = await runOf(async (context) => {
      await context.emit([line(long)])
      return outcome({ data: { note: long } })
    })
    await untilOver(runs, id)
    const log = await expectWholeLog(store, id)
    expect(log.at(-2)?.data).toMatchObject({ truncated: ['line'] })
    expect(log.at(-1)?.data).toMatchObject({ truncated: ['note'] })
    for (const event of log) expect(JSON.stringify(event.data).length).toBeLessThanOrEqual(4096)
  })

  it('events emitted after the terminal event are refused, without consequences', async () => {
    const { runs, store, runner, id } = await runOf(async () => outcome())
    await untilOver(runs, id)
    const context = runner.context(id)
    await expect(context.emit([line('late')])).rejects.toMatchObject({ code: 'run_over' })
    await expect(context.started()).rejects.toMatchObject({ code: 'run_over' })
    await expect(context.recordProcess({ pid: 1, startTime: 1 })).rejects.toMatchObject({ code: 'run_over' })
    void context.emit([line('late and not looked at')])
    await expect.poll(() => context.uncommittedBytes).toBe(0)
    expect(await expectWholeLog(store, id)).toHaveLength(2)
  })
})

const circular: Record<string, unknown> = {}
circular.self = circular
const bad: [string, (context: RunContext) => Promise<unknown>][] = [
  ...['reset', 'run:queued', 'run:anything', 'complete', 'error'].map(
    (type): [string, (context: RunContext) => Promise<unknown>] => [
      `the reserved type ${type}`,
      (context) => context.emit([line('good'), { type, data: {} }]),
    ],
  ),
  ['a type that ends a line', (context) => context.emit([{ type: 'a\nid: 7', data: {} }])],
  ['an empty type', (context) => context.emit([{ type: '', data: {} }])],
  ['data that JSON cannot hold', (context) => context.emit([{ type: 'output', data: circular }])],
  ['a big integer', (context) => context.emit([{ type: 'output', data: 1n }])],
  ['a started event that JSON cannot hold', (context) => context.started(circular)],
]

describe.each(bad)('a runner that emits %s', (_what, emit) => {
  it('an invalid emit is rejected, and its run ends errored with no part of the batch', async () => {
    const { runs, store, id } = await runOf(async (context) => {
      await expect(emit(context)).rejects.toThrow(TypeError)
      await untilAsked(context.signal)
      return outcome()
    })
    expect((await untilOver(runs, id)).state).toBe('errored')
    expect(await expectWholeLog(store, id)).toHaveLength(2)
  })

  it('a run ends errored even if nothing awaits its invalid emit', async () => {
    const { runs, store, id } = await runOf(async (context) => {
      void emit(context)
      return outcome()
    })
    expect((await untilOver(runs, id)).state).toBe('errored')
    expect(await expectWholeLog(store, id)).toHaveLength(2)
  })
})

describe('an append that fails', () => {
  const failing = (failures: number) => {
    let left = failures
    return openRig({
      between: (store) => ({
        ...store,
        append: (...append) => {
          left -= 1
          return left >= 0
            ? Promise.reject(new MillraceError('storage_failed', 'the disk is gone'))
            : store.append(...append)
        },
      }),
    })
  }

  it('a failed append asks the runner to end, and its reason interrupts the run', async () => {
    const { runs, runner, store } = await failing(1)
    runner.script = async (context) => {
      await context.started()
      void context.emit([line('lost')])
      await untilAsked(context.signal)
      return outcome()
    }
    const { id } = await startJob(runs)
    expect(await untilOver(runs, id)).toMatchObject({
      state: 'interrupted',
      error: { message: 'the disk is gone' },
    })
    expect((await expectWholeLog(store, id)).map((event) => event.type)).toEqual([
      'run:queued',
      'run:started',
      'error',
    ])
    expect(runner.context(id).uncommittedBytes).toBe(0)
  })

  it('a run with a failed append does not end as completed', async () => {
    const { runs, runner } = await failing(1)
    runner.script = async (context) => {
      void context.emit([line('lost')])
      return outcome()
    }
    expect((await untilOver(runs, (await startJob(runs)).id)).state).toBe('interrupted')
  })
})

describe('what a runner says of itself', () => {
  it('a runner reports its start once; a second report ends the run', async () => {
    const { runs, store, id } = await runOf(async (context) => {
      await context.started({ pid: 7 })
      void context.started()
      await untilAsked(context.signal)
      return outcome()
    })
    expect((await untilOver(runs, id)).state).toBe('interrupted')
    const log = await expectWholeLog(store, id)
    expect(log.filter((event) => event.type === 'run:started').map((event) => event.data)).toEqual([
      { attempt: 1, pid: 7 },
    ])
  })

  it('the process that a runner records is on disk', async () => {
    const { runs, store, id } = await runOf(async (context) => {
      await context.recordProcess({ pid: 4242, startTime: 77 })
      return workUntilAsked(context)
    })
    await untilState(runs, id, 'running')
    expect((await store.getRun(id))?.process).toEqual({ pid: 4242, startTime: 77 })
    await runs.abort(id, ann)
  })

  it('a runner’s context has the project of its run, if it has one', async () => {
    const { runs, runner } = await openRig()
    const inProject = await startJob(runs, { project: 'web' })
    const without = await startJob(runs)
    await until(() => runner.begun.length === 2)
    expect(runner.context(inProject.id).project?.id).toBe('web')
    expect(runner.context(without.id).project).toBeNull()
  })
})
