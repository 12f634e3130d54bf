/** Approvals: questions to people, their answers, and what the end of a run does to them. */
import { randomUUID } from 'node:crypto'
import { finalStates, type PermissionResolvedEvent } from '@millrace/protocol'
import type { ApprovalAnswer, Commit, NewApproval, Store } from '@millrace/server/store'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  completed,
  expectCode,
  line,
  newApproval,
  newRun,
  readAll,
  runningRun,
  type Subject,
  upTo,
} from './material.ts'

const allow: ApprovalAnswer = { decision: 'allow', by: 'person', user: 'ada', at: 5_000 }
const expired: ApprovalAnswer = { decision: 'deny', by: 'expiry', at: 60_000 }

export function describeApprovals(subject: Subject): void {
  describe('approvals', () => {
    test('a question is in the log, and open until it is answered', async () => {
      const { store } = subject
      const id = await runningRun(store)
      const [first, second] = [newApproval(), newApproval({ expiresAt: 70_000 })]
      await store.requestApproval(id, 1, first)
      await store.requestApproval(id, 1, second)
      expect(await store.openApprovals(id)).toEqual([
        { id: first.id, expiresAt: 60_000 },
        { id: second.id, expiresAt: 70_000 },
      ])
      expect(await store.getApproval(id, first.id)).toEqual({
        id: first.id,
        expiresAt: 60_000,
        answer: null,
      })
      const answer = {
        ...allow,
        decision: 'deny' as const,
        message: 'not\n"today" ü€🎉',
        values: { list: ['a'] },
      }
      const data = {
        approvalId: first.id,
        decision: 'deny',
        by: 'person',
        user: 'ada',
        message: answer.message,
        values: { list: ['a'] },
      }
      expect(await store.answerApproval(id, first.id, answer)).toEqual(data)
      expect(await store.openApprovals(id)).toEqual([{ id: second.id, expiresAt: 70_000 }])
      await store.append(id, 1, [line('on')])
      const log = await readAll(store, id)
      expect(log.map(({ seq, type }) => [seq, type]).slice(2)).toEqual([
        [3, 'permission:requested'],
        [4, 'permission:requested'],
        [5, 'permission:resolved'],
        [6, 'output'],
      ])
      expect(log[2]).toMatchObject(first.event)
      expect(log[4]).toMatchObject({ at: 5_000, json: JSON.stringify(data) })
      expect(await store.getRun(id)).toMatchObject({ head: 6 })
      await subject.reopen()
      expect(await subject.store.getApproval(id, first.id)).toEqual({
        id: first.id,
        expiresAt: 60_000,
        answer: data,
      })
      expect(await subject.store.openApprovals(id)).toHaveLength(1)
      expect(await readAll(subject.store, id)).toEqual(log)
    })

    test('of twenty answers at once the first counts, and the others are refused with `already_answered`', async () => {
      const { store } = subject
      const id = await runningRun(store)
      const approval = newApproval()
      // Together with the question itself, so that all of them may share its commit.
      const asked = store.requestApproval(id, 1, approval)
      const answers = await Promise.allSettled(
        upTo(20).map((n) =>
          store.answerApproval(id, approval.id, n % 4 === 0 ? expired : { ...allow, user: `user ${n}` }),
        ),
      )
      await asked
      const won = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
      expect(won).toEqual([{ approvalId: approval.id, decision: 'allow', by: 'person', user: 'user 1' }])
      for (const answer of answers.slice(1)) {
        expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'already_answered' } })
      }
      expect(resolvedIn(await readAll(store, id))).toEqual(won)
    })

    test('answering a question that the run does not have is refused, also when another run has it', async () => {
      const { store } = subject
      const [id, other] = [await runningRun(store), await runningRun(store)]
      const approval = newApproval()
      await store.requestApproval(other, 1, approval)
      for (const [run, name] of [
        [id, approval.id],
        [other, randomUUID()],
        [newRun().id, approval.id],
      ] as const) {
        await expect(store.answerApproval(run, name, allow)).rejects.toMatchObject({ code: 'not_found' })
        expect(await store.getApproval(run, name)).toBeNull()
      }
      expect(await store.openApprovals(newRun().id)).toEqual([])
      expect(await readAll(store, id)).toHaveLength(2)
    })

    test('an old attempt cannot ask, nor can a run that is over, and the same question is not put twice', async () => {
      const { store } = subject
      const id = await runningRun(store)
      const approval = newApproval()
      for (const attempt of [0, 2]) {
        await expect(store.requestApproval(id, attempt, approval)).rejects.toMatchObject({
          code: 'stale_attempt',
        })
      }
      await store.requestApproval(id, 1, approval)
      await expect(store.requestApproval(id, 1, approval)).rejects.toMatchObject({ code: 'internal' })
      await store.finish(id, 1, completed())
      await expect(store.requestApproval(id, 1, newApproval())).rejects.toMatchObject({ code: 'run_over' })
      await expect(store.requestApproval(newRun().id, 0, newApproval())).rejects.toMatchObject({
        code: 'not_found',
      })
      expect((await readAll(store, id)).filter(({ type }) => type === 'permission:requested')).toHaveLength(1)
    })

    test('the end of a run withdraws open questions before its terminal event, in one commit with it', async () => {
      const { store } = subject
      const id = await runningRun(store)
      const [answered, one, two] = [newApproval(), newApproval(), newApproval()]
      for (const approval of [answered, one, two]) await store.requestApproval(id, 1, approval)
      await store.answerApproval(id, answered.id, allow)
      const announced: Commit[] = []
      store.onCommit((commit) => announced.push(commit))
      expect(await store.finish(id, 1, completed())).toMatchObject({ head: 9 })
      const log = await readAll(store, id)
      expect(log.slice(6).map(({ seq, at, type }) => [seq, at, type])).toEqual([
        [7, 9_000, 'permission:resolved'],
        [8, 9_000, 'permission:resolved'],
        [9, 9_000, 'complete'],
      ])
      expect(resolvedIn(log).slice(1)).toEqual(
        [one, two].map(({ id }) => ({ approvalId: id, decision: 'deny', by: 'withdrawn' })),
      )
      expect(announced).toEqual([
        { runId: id, change: 'finished', state: 'completed', head: 9, closed: true, events: log.slice(6) },
      ])
      expect(await store.openApprovals(id)).toEqual([])
      for (const approval of [answered, one]) {
        await expect(store.answerApproval(id, approval.id, allow)).rejects.toMatchObject({
          code: 'already_answered',
        })
      }
      await expect(store.answerApproval(id, randomUUID(), allow)).rejects.toMatchObject({ code: 'not_found' })
      expect(await readAll(store, id)).toEqual(log)
    })

    test('the questions of a deleted run are gone', async () => {
      const { store } = subject
      const [id, other] = [await runningRun(store), await runningRun(store)]
      const approval = newApproval()
      for (const run of [id, other]) await store.requestApproval(run, 1, approval)
      await store.finish(id, 1, completed())
      await store.deleteRun(id)
      expect(await store.getApproval(id, approval.id)).toBeNull()
      await expect(store.answerApproval(id, approval.id, allow)).rejects.toMatchObject({ code: 'not_found' })
      expect(await store.openApprovals(other)).toHaveLength(1)
    })

    test('whatever races, each question is resolved exactly once, before the end of its run', async () => {
      const { store } = subject
      const announced: Commit[] = []
      store.onCommit((commit) => announced.push(commit))
      const property = fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: 5 }), async (rounds) => {
        const id = await runningRun(store)
        const asked = upTo(questions).map(() => newApproval())
        const granted: PermissionResolvedEvent[] = []
        const put: string[] = []
        for (const steps of rounds) {
          await Promise.all(steps.map((step) => take(store, id, step, asked, { granted, put })))
        }
        await store.finish(id, 1, completed()).catch(expectCode('run_over'))
        const log = await readAll(store, id)
        const commits = announced.filter((commit) => commit.runId === id)
        expect(commits.flatMap((commit) => commit.events)).toEqual(log)
        expectResolvedOnce(log, put, granted)
        expect(await store.openApprovals(id)).toEqual([])
        for (const approvalId of put) {
          const resolved = resolvedIn(log).find((data) => data.approvalId === approvalId)
          expect((await store.getApproval(id, approvalId))?.answer).toEqual(resolved)
        }
      })
      await fc.assert(property, { numRuns: process.env.MILLRACE_TEST_FULL === undefined ? 60 : 1000 })
    }, 300_000)
  })
}

const questions = 4
type Step = { op: 'ask' | 'allow' | 'expire'; question: number } | { op: 'finish' | 'append' }
const question = fc.nat(questions - 1)
const round: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ op: fc.constant<'ask'>('ask'), question }) },
    {
      weight: 5,
      arbitrary: fc.record({ op: fc.constantFrom('allow' as const, 'expire' as const), question }),
    },
    { weight: 1, arbitrary: fc.record({ op: fc.constant<'finish'>('finish') }) },
    { weight: 2, arbitrary: fc.record({ op: fc.constant<'append'>('append') }) },
  ),
  { minLength: 1, maxLength: 10 },
)

/** Takes a step whose refusal, if any, a race must explain; notes what was put and what was granted. */
async function take(
  store: Store,
  run: string,
  step: Step,
  asked: readonly NewApproval[],
  noted: { granted: PermissionResolvedEvent[]; put: string[] },
): Promise<void> {
  switch (step.op) {
    case 'append':
      await store.append(run, 1, [line('x')]).catch(expectCode('run_over'))
      return
    case 'finish':
      await store.finish(run, 1, completed()).catch(expectCode('run_over'))
      return
    case 'ask': {
      const approval = asked[step.question] ?? newApproval()
      const put = store.requestApproval(run, 1, approval).then(() => noted.put.push(approval.id))
      await put.catch(expectCode('run_over', 'internal'))
      return
    }
    case 'allow':
    case 'expire': {
      const id = asked[step.question]?.id ?? ''
      const answer = store.answerApproval(run, id, step.op === 'allow' ? allow : expired)
      await answer.then((data) => noted.granted.push(data), expectCode('not_found', 'already_answered'))
      return
    }
    default:
      step satisfies never
  }
}

function expectResolvedOnce(
  log: readonly { type: string; json: string }[],
  put: readonly string[],
  granted: readonly PermissionResolvedEvent[],
): void {
  const finals = new Set<string>([...finalStates, 'complete'])
  expect(log.filter(({ type }) => finals.has(type))).toHaveLength(1)
  expect(finals.has(log.at(-1)?.type ?? '')).toBe(true)
  const state = new Map<string, 'open' | 'resolved'>()
  for (const { type, json } of log) {
    const { approvalId } = JSON.parse(json)
    if (type === 'permission:requested') {
      expect(state.get(approvalId)).toBeUndefined()
      state.set(approvalId, 'open')
    } else if (type === 'permission:resolved') {
      expect(state.get(approvalId)).toBe('open')
      state.set(approvalId, 'resolved')
    }
  }
  expect(new Set(state.keys())).toEqual(new Set(put))
  expect([...state.values()].every((one) => one === 'resolved')).toBe(true)
  expect(new Set(resolvedIn(log).filter(({ by }) => by !== 'withdrawn'))).toEqual(new Set(granted))
}

function resolvedIn(log: readonly { type: string; json: string }[]): PermissionResolvedEvent[] {
  return log.filter(({ type }) => type === 'permission:resolved').map(({ json }) => JSON.parse(json))
}
