import { until } from '@millrace/test-support/until'
import { describe, expect, it } from 'vitest'
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
})
