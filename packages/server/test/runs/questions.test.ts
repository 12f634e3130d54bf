import { until } from '@millrace/test-support/until'
import { describe, expect, it } from 'vitest'
import { Questions } from '#runs/approvals/questions'
import type { Store } from '#store/store'
import { ann, bob, eve, expectNothingUnhandled, root, untilOver } from './support/rig.ts'
import { untilAsked } from './support/scripted-runner.ts'
import {
  approvalRequest,
  askAndStay,
  openApproval,
  openSessions,
  startSession,
  working,
} from './support/session-rig.ts'

expectNothingUnhandled()

describe('the list of open questions', () => {
  it('a user sees the questions of their own runs with all they ask, an admin those of everybody, another nobody’s', async () => {
    const rig = await openSessions({ script: askAndStay })
    const [first, second] = [await startSession(rig), await startSession(rig, {}, bob)]
    const approvalId = await openApproval(rig.store, first.id)
    await openApproval(rig.store, second.id)
    const expiresAt = rig.clock.now() + 3_600_000
    expect(await rig.runs.openQuestions(ann)).toEqual([
      { ...approvalRequest, approvalId, expiresAt, runId: first.id },
    ])
    const all = await rig.runs.openQuestions(root)
    expect(all.map(({ runId }) => runId).sort()).toEqual([first.id, second.id].sort())
    expect(await rig.runs.openQuestions(eve)).toEqual([])
  })

  it('a question leaves the list when it is answered, and when its run ends', async () => {
    const rig = await openSessions({ script: askAndStay })
    const { id } = await startSession(rig)
    const approvalId = await openApproval(rig.store, id)
    expect(await rig.runs.openQuestions(ann)).toHaveLength(1)
    await rig.runs.answerApproval(id, approvalId, { decision: 'allow' }, ann)
    expect(await rig.runs.openQuestions(ann)).toEqual([])

    const other = await startSession(rig)
    await openApproval(rig.store, other.id)
    await rig.runs.abort(other.id, ann)
    await untilOver(rig.runs, other.id)
    expect(await rig.runs.openQuestions(ann)).toEqual([])
  })

  it('a question that 1,200 later events cover is found, and its log is searched once', async () => {
    let reads = 0
    const between = (store: Store): Store =>
      new Proxy(store, {
        get: (target, name) => {
          if (name === 'readAfter') reads += 1
          const value = Reflect.get(target, name)
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
    const script = working(async (context) => {
      context.ask(approvalRequest).catch(() => {})
      await context.emit(Array.from({ length: 1200 }, (_, n) => ({ type: 'assistant', data: { n } })))
      await untilAsked(context.signal)
    })
    const rig = await openSessions({ script, between })
    const { id } = await startSession(rig)
    await until(async () => ((await rig.store.bounds(id))?.head ?? 0) > 1200)
    const questions = await rig.runs.openQuestions(ann)
    expect(questions).toMatchObject([{ runId: id, tool: 'Bash', input: { command: 'git push' } }])
    const searched = reads
    expect(searched).toBeGreaterThan(2)
    expect(await rig.runs.openQuestions(ann)).toEqual(questions)
    expect(reads).toBe(searched)
  })

  it('texts of questions are kept for a bounded number of runs, also where no admin ever reads', async () => {
    const rig = await openSessions({ script: askAndStay })
    const searched: string[] = []
    const store: Store = new Proxy(rig.store, {
      get: (target, name) => {
        const value = Reflect.get(target, name)
        if (name !== 'readAfter') return typeof value === 'function' ? value.bind(target) : value
        return (id: string, options: Parameters<Store['readAfter']>[1]) => {
          searched.push(id)
          return target.readAfter(id, options)
        }
      },
    })
    const questions = new Questions(store, { runsMax: 2 })
    const principals = [ann, bob, eve]
    for (const principal of principals) {
      const { id } = await startSession(rig, {}, principal)
      await openApproval(rig.store, id)
      expect(await questions.open(principal.user)).toHaveLength(1)
    }
    const read = async (user: string) => {
      searched.splice(0)
      expect(await questions.open(user)).toHaveLength(1)
      return searched.length > 0
    }
    expect([await read(eve.user), await read(bob.user), await read(ann.user)]).toEqual([false, false, true])
  })
})
