import { isFinal, permissionTypes } from '@millrace/protocol'
import { until } from '@millrace/test-support/until'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { RunContext, RunOutcome } from '#runners/runner'
import {
  ann,
  expectNothingUnhandled,
  expectWholeLog,
  openRig,
  refusalOf,
  root,
  startJob,
} from './support/rig.ts'
import { outcome } from './support/scripted-runner.ts'
import { approvalRequest } from './support/session-rig.ts'

expectNothingUnhandled()

/** The result of `refusalOf` for a call that was not refused. */
const noError = 'Error: it was not refused'

/** The next step, and the started run that it applies to. */
type Step =
  | { do: 'start' }
  | { do: 'shutdown' }
  | { do: 'turn' }
  | { do: 'abort' | 'begin' | 'emit' | 'ask' | 'answer' | 'finish' | 'fail' | 'heed'; run: number }

const run = fc.nat({ max: 5 })
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('start' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('shutdown' as const) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('turn' as const) }) },
  {
    weight: 20,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'abort',
        'begin',
        'emit',
        'emit',
        'emit',
        'ask',
        'answer',
        'finish',
        'fail',
        'heed',
      ),
      run,
    }),
  },
)

/** One run's runner as a puppet: it does what the steps say, even if that is wrong or too late. */
interface Puppet {
  context: RunContext
  finish: (outcome: RunOutcome) => void
  fail: (error: Error) => void
}

async function play(steps: readonly Step[], concurrency: number): Promise<void> {
  const puppets = new Map<string, Puppet>()
  const { runs, store, close } = await openRig({
    concurrency,
    parts: { shutdownGraceMs: 5, abortWaitMs: 1 },
    script: async (context) => {
      const { promise, resolve, reject } = Promise.withResolvers<RunOutcome>()
      puppets.set(context.run.id, { context, finish: resolve, fail: reject })
      return promise
    },
  })
  const ids: string[] = []
  const acknowledged = new Map<string, number[]>()
  const busy: Promise<unknown>[] = []
  const asked: Promise<void>[] = []
  let emitted = 0

  const emit = (id: string, { context }: Puppet) => {
    emitted += 1
    const n = emitted
    const seen = acknowledged.get(id) ?? []
    acknowledged.set(id, seen)
    busy.push(
      context
        .emit([{ type: 'output', data: { n } }])
        .then(() => seen.push(n))
        .catch(() => {}),
    )
  }
  /** Every approval ends: with an answer, or with the end of its run. */
  const ask = ({ context }: Puppet) => {
    asked.push(
      context.ask(approvalRequest).then(
        () => {},
        () => {},
      ),
    )
  }
  const answer = async (id: string) => {
    for (const { id: approvalId } of await store.openApprovals(id)) {
      const answered = runs.answerApproval(id, approvalId, { decision: 'allow' }, ann)
      expect([noError, 'already_answered']).toContain(await refusalOf(answered))
    }
  }
  const act = async (step: Step): Promise<void> => {
    if (step.do === 'turn') return new Promise((resolve) => setImmediate(resolve))
    if (step.do === 'shutdown') return void busy.push(runs.shutdown())
    if (step.do === 'start') {
      const started = startJob(runs).then(
        ({ id }) => void ids.push(id),
        async (error: unknown) => expect(await refusalOf(Promise.reject(error))).toBe('draining'),
      )
      busy.push(started)
      return started
    }
    const id = ids[step.run]
    if (id === undefined) return
    if (step.do === 'answer') return void busy.push(answer(id))
    if (step.do === 'abort') return void busy.push(runs.abort(id, step.run % 2 === 0 ? ann : root))
    const puppet = puppets.get(id)
    if (puppet === undefined) return
    const deed = step.do
    switch (deed) {
      case 'begin':
        return void puppet.context.started().catch(() => {})
      case 'emit':
        return emit(id, puppet)
      case 'ask':
        return ask(puppet)
      case 'finish':
        return puppet.finish(outcome())
      case 'fail':
        return puppet.fail(new Error('on purpose'))
      case 'heed':
        if (puppet.context.signal.aborted) puppet.finish(outcome())
        return
      default:
        return deed satisfies never
    }
  }

  for (const step of steps) await act(step)
  await Promise.all(busy)
  await runs.shutdown()
  expect(runs.activeCount).toBe(0)
  await Promise.all(asked)
  for (const id of ids) {
    const record = await store.getRun(id)
    // No gap, exactly one terminal event, nothing after it.
    const log = await expectWholeLog(store, id)
    expect(isFinal(record?.state ?? 'queued') || record?.attempt === 0).toBe(true)
    const idsOf = (wanted: string) =>
      log.filter(({ type }) => type === wanted).map(({ data }) => (data as { approvalId: string }).approvalId)
    expect(idsOf(permissionTypes.resolved).toSorted()).toEqual(idsOf(permissionTypes.requested).toSorted())
    const numbers = log.flatMap(({ type, data }) => (type === 'output' ? [(data as { n: number }).n] : []))
    // Every acknowledged event is there; all events are there once, in the order of the calls.
    expect(acknowledged.get(id)?.filter((n) => !numbers.includes(n)) ?? []).toEqual([])
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
    // An old attempt or a late runner can write nothing.
    const puppet = puppets.get(id)
    if (puppet === undefined) continue
    expect(await refusalOf(puppet.context.emit([{ type: 'output', data: {} }]))).toBe('run_over')
    const event = { at: 0, type: 'output', json: '{}' }
    for (const attempt of [0, 2]) {
      expect(['run_over', 'stale_attempt']).toContain(await refusalOf(store.append(id, attempt, [event])))
    }
    puppet.finish(outcome())
    await until(() => puppet.context.uncommittedBytes === 0)
    expect((await store.getRun(id))?.head).toBe(log.length)
  }
  await close()
}

it('whatever races, logs have no gap, one end, and nothing after it', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyStep, { minLength: 10, maxLength: 60 }),
      fc.integer({ min: 1, max: 3 }),
      play,
    ),
    { numRuns: process.env.MILLRACE_TEST_FULL ? 1000 : 60, endOnFailure: true },
  )
}, 120_000)
