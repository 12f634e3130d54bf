import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  finalStates,
  initialView,
  isFinal,
  type LogEvent,
  LogGapError,
  lifecycleTypes,
  type RunKind,
  type RunView,
  reduceRun,
  runKinds,
  terminalType,
} from '#index'

const event = (seq: number, type: string, data: LogEvent['data'] = {}): LogEvent => ({
  seq,
  at: 1,
  type,
  data,
})

/** A whole log of a kind: queued, perhaps started, work, and perhaps its end. */
const anyLog = fc
  .record({
    kind: fc.constantFrom(...runKinds),
    started: fc.boolean(),
    work: fc.array(fc.constantFrom('output', 'assistant', 'thinking'), { maxLength: 8 }),
    end: fc.option(fc.constantFrom(...finalStates), { nil: undefined }),
  })
  .map(({ kind, started, work, end }) => {
    const types: [string, LogEvent['data']][] = [[lifecycleTypes.queued, {}]]
    if (started) types.push([lifecycleTypes.started, { attempt: 1 }])
    for (const type of work) types.push([type, { state: 'aborted' }])
    if (end !== undefined) types.push([terminalType(kind, end), { state: end }])
    return { kind, started, end, log: types.map(([type, data], index) => event(index + 1, type, data)) }
  })

const reduceAll = (kind: RunKind, log: readonly LogEvent[]): RunView =>
  log.reduce(reduceRun, initialView(kind))

describe('reduceRun', () => {
  it('ends in the state the log says', () => {
    fc.assert(
      fc.property(anyLog, ({ kind, started, end, log }) => {
        expect(reduceAll(kind, log)).toEqual({
          kind,
          state: end ?? (started ? 'running' : 'queued'),
          head: log.length,
          duplicates: 0,
        })
      }),
    )
  })

  it('is not moved by events it has seen, in whatever order they come again', () => {
    fc.assert(
      fc.property(anyLog, fc.infiniteStream(fc.nat()), ({ kind, log }, choice) => {
        let view = initialView(kind)
        let repeated = 0
        for (const next of log) {
          view = reduceRun(view, next)
          const again = log[(choice.next().value ?? 0) % next.seq]
          if (again === undefined) continue
          view = reduceRun(view, again)
          repeated += 1
        }
        expect(view).toEqual({ ...reduceAll(kind, log), duplicates: repeated })
      }),
    )
  })

  it('refuses every gap', () => {
    fc.assert(
      fc.property(anyLog, fc.integer({ min: 2, max: 100 }), ({ kind, log }, step) => {
        const view = reduceAll(kind, log)
        expect(() => reduceRun(view, event(view.head + step, 'output'))).toThrow(LogGapError)
      }),
    )
  })

  it('refuses whatever comes after the terminal event', () => {
    fc.assert(
      fc.property(anyLog, fc.constantFrom('output', 'complete', 'run:started'), ({ kind, log }, type) => {
        const view = reduceAll(kind, log)
        fc.pre(isFinal(view.state))
        expect(() => reduceRun(view, event(view.head + 1, type))).toThrow(LogGapError)
      }),
    )
  })

  it('changes no view it was given', () => {
    const view = Object.freeze(initialView('job'))
    reduceRun(view, event(1, 'run:queued'))
    expect(view).toEqual({ kind: 'job', state: 'queued', head: 0, duplicates: 0 })
  })
})
