/** Runs that are parked while people think: no process, no place in the queue, and each answered call begins once. */
import { parkingTypes, permissionTypes } from '@millrace/protocol'
import { until } from '@millrace/test-support/until'
import { expect, it } from 'vitest'
import type { ApprovalAnswer, Parked, RunContext, Woken } from '#runners/runner'
import { emptyTables } from '#store/memory/tables'
import {
  ann,
  expectNothingUnhandled,
  expectWholeLog,
  logOf,
  refusalOf,
  root,
  untilOver,
  untilState,
} from './support/rig.ts'
import { outcome, type Script, untilAsked } from './support/scripted-runner.ts'
import { approvalRequest, openApproval, openSessions, startSession } from './support/session-rig.ts'

expectNothingUnhandled()

const parked: Parked = { state: 'parked', usage: { turns: 1 } }

/** Asks, is parked, and makes the call once it is woken. `ran` has the runs whose call was made. */
function parking(ran: string[], begin = (context: RunContext) => context.woken?.begins()): Script {
  return async (context) => {
    await context.started()
    if (context.woken === null) {
      context.ask(approvalRequest).catch(() => {})
      return parked
    }
    const answer = await context.ask(approvalRequest)
    await begin(context)
    ran.push(context.run.id)
    return outcome({ result: answer })
  }
}

/** Asks, is parked, and does this once it is woken, with its question asked again. */
function wokenTo(
  work: (context: RunContext, answer: Promise<ApprovalAnswer>, woken: Woken) => Promise<unknown>,
): Script {
  return async (context) => {
    await context.started()
    const answer = context.ask(approvalRequest)
    answer.catch(() => {})
    return context.woken === null ? parked : outcome({ result: await work(context, answer, context.woken) })
  }
}

const untilParked = (rig: Awaited<ReturnType<typeof openSessions>>, id: string) =>
  until(async () => (await rig.store.getRun(id))?.parked === 'waiting')

it('a parked run takes no place of its kind and keeps its project, and its answer starts it again', async () => {
  const ran: string[] = []
  const rig = await openSessions({ script: parking(ran), concurrency: 1 })
  const first = await startSession(rig)
  const second = await startSession(rig)
  await untilParked(rig, first.id)
  await untilParked(rig, second.id)
  expect(rig.runs.activeCount).toBe(0)
  expect(await refusalOf(startSession(rig, { project: first.project }))).toBe('project_busy')
  const started = (await rig.runs.get(first.id, ann)).startedAt
  const approvalId = await openApproval(rig.store, first.id)
  await rig.runs.answerApproval(first.id, approvalId, { decision: 'allow' }, ann)
  const run = await untilOver(rig.runs, first.id)
  expect(run).toMatchObject({ state: 'completed', attempt: 2, startedAt: started })
  expect(run.result).toEqual({ decision: 'allow', by: 'person' })
  expect(ran).toEqual([first.id])
  const log = await expectWholeLog(rig.store, first.id)
  expect(log.map(({ type }) => type)).toEqual([
    'run:queued',
    'run:started',
    permissionTypes.requested,
    parkingTypes.parked,
    permissionTypes.resolved,
    parkingTypes.woken,
    'completed',
  ])
  expect(log[3]?.data).toEqual({ approvalId })
  expect(await rig.store.getRun(second.id)).toMatchObject({ state: 'running', parked: 'waiting' })
})

// Failed before: one "allow once" answered every call with that id and input.
it('the answer that a parked run waited for is used by one call: another like it is asked about anew', async () => {
  const rig = await openSessions({
    script: wokenTo(async (context, first, woken) => {
      await woken.begins()
      return Promise.all([first, context.ask(approvalRequest)])
    }),
  })
  const { id } = await startSession(rig)
  await untilParked(rig, id)
  const asked = await openApproval(rig.store, id)
  await rig.runs.answerApproval(id, asked, { decision: 'allow' }, ann)
  const again = await openApproval(rig.store, id)
  expect(again).not.toBe(asked)
  await rig.runs.answerApproval(id, again, { decision: 'deny' }, ann)
  const run = await untilOver(rig.runs, id)
  expect(run.result).toMatchObject([{ decision: 'allow' }, { decision: 'deny' }])
})

// Failed before: what had been used was forgotten when the run was parked again.
it('an answer that a call has used serves no other call after the run is parked again', async () => {
  const second = { ...approvalRequest, toolUseId: 'toolu_2' }
  const rig = await openSessions({
    script: async (context) => {
      await context.started()
      const { attempt } = context.run
      const first = context.ask(approvalRequest)
      first.catch(() => {})
      if (attempt === 1) return parked
      if (attempt === 2) {
        await first
        await context.woken?.begins()
        context.ask(second).catch(() => {})
        return parked
      }
      // The model makes the first call again, with the same id and input.
      const answers = [await context.ask(second)]
      await context.woken?.begins()
      return outcome({ result: [...answers, await first] })
    },
  })
  const { id } = await startSession(rig)
  await untilParked(rig, id)
  await rig.runs.answerApproval(id, await openApproval(rig.store, id), { decision: 'allow' }, ann)
  await until(async () => {
    const run = await rig.store.getRun(id)
    return run?.attempt === 2 && run.parked === 'waiting'
  })
  await rig.runs.answerApproval(id, await openApproval(rig.store, id), { decision: 'allow' }, ann)
  await rig.runs.answerApproval(id, await openApproval(rig.store, id), { decision: 'deny' }, ann)
  const run = await untilOver(rig.runs, id)
  expect(run).toMatchObject({ attempt: 3, result: [{ decision: 'allow' }, { decision: 'deny' }] })
})

it('a question of a parked run that nobody answers in time is refused, and the run resumes with that', async () => {
  const ran: string[] = []
  const rig = await openSessions({ script: parking(ran) })
  const { id } = await startSession(rig)
  await untilParked(rig, id)
  await until(() => rig.clock.pending > 0)
  await rig.clock.advance(3_600_001)
  const run = await untilOver(rig.runs, id)
  expect(run.result).toEqual({ decision: 'deny', by: 'expiry' })
})

it('an abort ends a parked run at once: its question is withdrawn, and its call is never made', async () => {
  const ran: string[] = []
  const rig = await openSessions({ script: parking(ran) })
  const { id } = await startSession(rig)
  await untilParked(rig, id)
  expect(await rig.runs.abort(id, ann)).toMatchObject({ state: 'aborted' })
  const log = await expectWholeLog(rig.store, id)
  expect(log.slice(-2).map(({ type }) => type)).toEqual([permissionTypes.resolved, 'aborted'])
  expect(log.at(-2)?.data).toMatchObject({ by: 'withdrawn' })
  expect(ran).toEqual([])
})

it('an abort that arrives while a run is being parked ends it, whichever is first on disk', async () => {
  for (const order of ['park first', 'abort first']) {
    const ran: string[] = []
    const rig = await openSessions({
      script: parking(ran),
      between: (store) => ({
        ...store,
        park: async (...asked) => {
          if (order === 'park first') {
            const result = await store.park(...asked)
            // The abort is recorded before this node knows that the run is parked.
            void rig.runs.abort(asked[0], ann)
            await until(async () => (await store.getRun(asked[0]))?.cause === 'abort')
            return result
          }
          void rig.runs.abort(asked[0], ann)
          await until(async () => (await store.getRun(asked[0]))?.cause === 'abort')
          return store.park(...asked)
        },
      }),
    })
    const { id } = await startSession(rig)
    expect(await untilOver(rig.runs, id), order).toMatchObject({ state: 'aborted' })
    await expectWholeLog(rig.store, id)
    expect(ran).toEqual([])
  }
})

it('a message that interrupts wakes a parked run, whose runner can withdraw the question', async () => {
  const rig = await openSessions({
    script: wokenTo(async (context, answer, woken) => {
      const { messages } = await context.messages.take({ want: 'interrupt', seal: false })
      await context.withdraw(approvalRequest.toolUseId)
      await woken.begins()
      return { said: messages.map(({ text }) => text), answer: await answer }
    }),
  })
  const { id } = await startSession(rig)
  await untilParked(rig, id)
  await rig.runs.messages.send(id, { text: 'later' }, ann)
  expect(await rig.store.getRun(id)).toMatchObject({ parked: 'waiting' })
  await rig.runs.messages.send(id, { text: 'now', mode: 'interrupt' }, ann)
  const run = await untilOver(rig.runs, id)
  expect(run.result).toEqual({ said: ['now'], answer: { decision: 'deny', by: 'withdrawn' } })
})

it('a run that was woken withdraws no question but that of the call it names', async () => {
  const other = { ...approvalRequest, toolUseId: 'toolu_2' }
  const asked = Promise.withResolvers<string>()
  const rig = await openSessions({
    script: wokenTo(async (context, answer, woken) => {
      await answer
      await woken.begins()
      const second = context.ask(other)
      const open = await openApproval(rig.store, context.run.id)
      // A call that was decided without a question.
      await context.withdraw('toolu_3')
      asked.resolve(open)
      return second
    }),
  })
  const { id } = await startSession(rig)
  await untilParked(rig, id)
  const first = await openApproval(rig.store, id)
  await rig.runs.answerApproval(id, first, { decision: 'allow' }, ann)
  await rig.runs.answerApproval(id, await asked.promise, { decision: 'allow' }, ann)
  expect((await untilOver(rig.runs, id)).result).toEqual({ decision: 'allow', by: 'person' })
})

// Failed before: the question was not known yet when it was withdrawn, and stayed open for ever.
it('a question of a woken run is withdrawn although its earlier answer is still being looked up', async () => {
  const other = { ...approvalRequest, toolUseId: 'toolu_2' }
  const rig = await openSessions({
    script: wokenTo(async (context, first, woken) => {
      await first
      await woken.begins()
      const second = context.ask(other)
      await context.withdraw(other.toolUseId)
      return second
    }),
  })
  const { id } = await startSession(rig)
  await untilParked(rig, id)
  await rig.runs.answerApproval(id, await openApproval(rig.store, id), { decision: 'allow' }, ann)
  expect((await untilOver(rig.runs, id)).result).toEqual({ decision: 'deny', by: 'withdrawn' })
})

it('of two open questions about calls with one id, both are withdrawn', async () => {
  const rig = await openSessions({
    script: async (context) => {
      await context.started()
      const answers = [approvalRequest, { ...approvalRequest, input: { command: 'ls' } }].map((request) =>
        context.ask(request),
      )
      await context.withdraw(approvalRequest.toolUseId)
      return outcome({ result: await Promise.all(answers) })
    },
  })
  const { id } = await startSession(rig)
  const run = await untilOver(rig.runs, id)
  expect(run.result).toMatchObject([{ by: 'withdrawn' }, { by: 'withdrawn' }])
})

it('a run that was woken and whose call had not begun is parked again by the next server, and its call is made once', async () => {
  const tables = emptyTables()
  const ran: string[] = []
  let claims = 0
  const dying = await openSessions({
    tables,
    script: parking(ran, async (context) => {
      claims += 1
      await untilAsked(context.signal)
      throw new Error('the server is gone')
    }),
  })
  const { id } = await startSession(dying)
  await untilParked(dying, id)
  await dying.runs.answerApproval(id, await openApproval(dying.store, id), { decision: 'allow' }, ann)
  await until(() => claims === 1)
  // As after kill -9: the first server writes nothing more.
  const rig = await openSessions({ tables, script: parking(ran) })
  expect(await untilOver(rig.runs, id)).toMatchObject({ state: 'completed', attempt: 3 })
  expect(ran).toEqual([id])
  await expectWholeLog(rig.store, id)
})

it('a run whose call had begun is interrupted by a crash, and its call is not made again', async () => {
  const tables = emptyTables()
  const ran: string[] = []
  const dying = await openSessions({
    tables,
    script: parking(ran, async (context) => {
      await context.woken?.begins()
      ran.push(context.run.id)
      await untilAsked(context.signal)
    }),
  })
  const { id } = await startSession(dying)
  await untilParked(dying, id)
  await dying.runs.answerApproval(id, await openApproval(dying.store, id), { decision: 'allow' }, ann)
  await until(() => ran.length === 1)
  const rig = await openSessions({ tables, script: parking(ran) })
  expect(await untilState(rig.runs, id, 'interrupted')).toMatchObject({ attempt: 2 })
  expect(ran).toEqual([id])
})

it('a thousand parked runs wait with no work under way, outlive their server, and make each call once', async () => {
  const tables = emptyTables()
  const ran: string[] = []
  const before = await openSessions({ tables, script: parking(ran) })
  const ids: string[] = []
  for (let n = 0; n < 1000; n += 1) ids.push((await startSession(before)).id)
  await until(
    async () => (await before.runs.openQuestions(root)).length === 1000 && before.runs.activeCount === 0,
  )
  // Not closed: it dies.
  const rig = await openSessions({ tables, script: parking(ran) })
  expect(rig.runs.recovered).toBe(0)
  const questions = await rig.runs.openQuestions(root)
  expect(questions.map(({ runId }) => runId).sort()).toEqual(ids.toSorted())
  await Promise.all(
    questions.map(({ runId, approvalId }) =>
      rig.runs.answerApproval(runId, approvalId, { decision: 'allow' }, ann),
    ),
  )
  for (const id of ids) expect(await untilOver(rig.runs, id)).toMatchObject({ state: 'completed' })
  expect(ran.toSorted()).toEqual(ids.toSorted())
  expect(
    (await logOf(rig.store, ids[0] ?? '')).filter(({ type }) => type === parkingTypes.woken),
  ).toHaveLength(1)
})
