import { newApproval, runningRun } from '@millrace/store-conformance/material'
import { until } from '@millrace/test-support/until'
import { describe, expect, it } from 'vitest'
import { EndRequest } from '#runners/runner'
import { openMemoryStore } from '#store/memory/store'
import { emptyTables } from '#store/memory/tables'
import {
  ann,
  expectNothingUnhandled,
  expectWholeLog,
  logOf,
  refusalOf,
  untilOver,
  untilState,
} from './support/rig.ts'
import { outcome } from './support/scripted-runner.ts'
import {
  approvalRequest,
  askAndStay,
  expectResolvedOnce,
  openApproval,
  openSessions,
  startSession,
  working,
} from './support/session-rig.ts'

expectNothingUnhandled()

describe('the end of a run with an open approval', () => {
  it('an abort rejects the wait for an answer with its reason, and withdraws the approval in the log', async () => {
    const reasons: unknown[] = []
    const rig = await openSessions({
      script: working(({ ask }) => ask(approvalRequest).catch((reason: unknown) => reasons.push(reason))),
    })
    const { id } = await startSession(rig)
    const approvalId = await openApproval(rig.store, id)
    expect((await rig.runs.abort(id, ann)).state).toBe('aborted')
    expect(reasons).toEqual([expect.any(EndRequest)])
    expect(reasons[0]).toMatchObject({ endCause: 'abort' })
    const log = await expectWholeLog(rig.store, id)
    expect(log.map(({ type }) => type).slice(2)).toEqual([
      'permission:requested',
      'permission:resolved',
      'aborted',
    ])
    expect(log[3]?.data).toEqual({ approvalId, decision: 'deny', by: 'withdrawn' })
    expect(await refusalOf(rig.runs.answerApproval(id, approvalId, { decision: 'allow' }, ann))).toBe(
      'already_answered',
    )
    expect(rig.clock.pending).toBe(0)
  })

  it('a shutdown with an open approval is in time, whether the runner heeds it or not', async () => {
    const gate = Promise.withResolvers<void>()
    const tables = emptyTables()
    const rig = await openSessions({
      tables,
      script: async (context) => {
        await context.started()
        const asked = context.ask(approvalRequest).catch(() => {})
        await (context.run.spec.deaf === true ? gate.promise : asked)
        return outcome()
      },
    })
    const started = [await startSession(rig), await startSession(rig, { deaf: true })]
    for (const { id } of started) await openApproval(rig.store, id)
    await rig.runs.shutdown()
    for (const { id } of started) {
      expect(await rig.store.getRun(id)).toMatchObject({ state: 'interrupted', cause: 'shutdown' })
      expect((await expectResolvedOnce(rig.store, id)).map(({ by }) => by)).toEqual(['withdrawn'])
    }
    expect(rig.clock.pending).toBe(0)
    gate.resolve()
    await until(() => rig.runner.active === 0)
  })

  it('a run that ends by itself does not wait for its open approval', async () => {
    const asked: Promise<unknown>[] = []
    const rig = await openSessions({
      script: async ({ ask }) => {
        asked.push(ask(approvalRequest))
        return outcome()
      },
    })
    const { id } = await startSession(rig)
    expect((await untilOver(rig.runs, id)).state).toBe('completed')
    expect(await refusalOf(asked[0] ?? Promise.resolve())).toBe('run_over')
    expect((await expectResolvedOnce(rig.store, id)).map(({ by }) => by)).toEqual(['withdrawn'])
    expect(rig.clock.pending).toBe(0)
  })

  it('an end that cannot be stored still rejects the wait for an answer', async () => {
    const { promise: reason, resolve } = Promise.withResolvers<unknown>()
    const rig = await openSessions({
      script: async ({ ask }) => {
        ask(approvalRequest).catch(resolve)
        return outcome()
      },
      between: (store) => ({ ...store, finish: () => Promise.reject(new Error('the disk is gone')) }),
    })
    await startSession(rig)
    expect(await reason).toMatchObject({ message: 'the run is over' })
    expect(rig.clock.pending).toBe(0)
  })

  it('an end that races an answer leaves one story in the log, and the runner heard no other', async () => {
    const heard = new Map<string, unknown>()
    const rig = await openSessions({
      script: working(async ({ ask, run }) => {
        heard.set(run.id, await ask(approvalRequest).catch(() => 'rejected'))
      }),
    })
    const started = await Promise.all(Array.from({ length: 15 }, () => startSession(rig)))
    const open = await Promise.all(
      started.map(async ({ id }) => ({ id, approvalId: await openApproval(rig.store, id) })),
    )
    await Promise.all(
      open.flatMap(({ id, approvalId }, n) => {
        const answer = () => refusalOf(rig.runs.answerApproval(id, approvalId, { decision: 'allow' }, ann))
        const abort = () => rig.runs.abort(id, ann)
        return n % 2 === 0 ? [abort(), answer()] : [answer(), abort()]
      }),
    )
    for (const { id } of started) {
      await untilOver(rig.runs, id)
      const [resolved] = await expectResolvedOnce(rig.store, id)
      if (resolved?.by === 'withdrawn') expect(heard.get(id)).toBe('rejected')
      else expect(['rejected', { decision: 'allow', by: 'person' }]).toContainEqual(heard.get(id))
    }
    expect(rig.clock.pending).toBe(0)
  })

  it('after the end every further request for approval is rejected and none is stored', async () => {
    const rig = await openSessions({ script: askAndStay })
    const { id } = await startSession(rig)
    await openApproval(rig.store, id)
    await rig.runs.abort(id, ann)
    const { length } = await expectWholeLog(rig.store, id)
    await expect(rig.runner.context(id).ask(approvalRequest)).rejects.toBeInstanceOf(EndRequest)
    expect(await logOf(rig.store, id)).toHaveLength(length)
    expect(rig.clock.pending).toBe(0)
  })

  it('after a crash the next start withdraws an open approval, once', async () => {
    const tables = emptyTables()
    const killed = openMemoryStore({ tables })
    const id = await runningRun(killed, { kind: 'session', exclusive: true, owner: 'ann' })
    const { id: approvalId, ...asked } = newApproval()
    await killed.requestApproval(id, 1, { id: approvalId, ...asked })
    await killed.close()
    for (let start = 0; start < 2; start += 1) {
      const next = await openSessions({ tables, script: askAndStay })
      await untilState(next.runs, id, 'interrupted')
      expect(await expectResolvedOnce(next.store, id)).toEqual([
        { approvalId, decision: 'deny', by: 'withdrawn' },
      ])
      const late = next.runs.answerApproval(id, approvalId, { decision: 'allow' }, ann)
      expect(await refusalOf(late)).toBe('already_answered')
      await next.close()
    }
  })
})
