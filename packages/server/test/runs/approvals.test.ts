import { randomUUID } from 'node:crypto'
import { type AnswerApprovalBody, type Form, permissionTypes } from '@millrace/protocol'
import { until } from '@millrace/test-support/until'
import { describe, expect, it } from 'vitest'
import type { Commit } from '#store/store'
import {
  ann,
  bob,
  expectNothingUnhandled,
  expectWholeLog,
  logOf,
  refusalOf,
  root,
  untilOver,
} from './support/rig.ts'
import {
  approvalRequest,
  askAndStay,
  askOnce,
  expectResolvedOnce,
  openApproval,
  openSessions,
  startSession,
  working,
} from './support/session-rig.ts'

expectNothingUnhandled()

describe('an approval', () => {
  it('an approval is in the log with all a person needs, and its answer reaches the runner and the log', async () => {
    const rig = await openSessions({ script: askOnce })
    const { id } = await startSession(rig)
    const approvalId = await openApproval(rig.store, id)
    const asked = (await logOf(rig.store, id)).at(-1)
    expect(asked).toMatchObject({ seq: 3, type: 'permission:requested' })
    const expiresAt = rig.clock.now() + 3_600_000
    expect(asked?.data).toEqual({ ...approvalRequest, approvalId, expiresAt })
    const said = { decision: 'deny' as const, message: 'not on a Friday' }
    const resolved = await rig.runs.answerApproval(id, approvalId, said, ann)
    expect(resolved).toEqual({ approvalId, by: 'person', user: 'ann', ...said })
    const run = await untilOver(rig.runs, id)
    expect(run.result).toEqual({ by: 'person', ...said })
    const log = await expectWholeLog(rig.store, id)
    expect(log.map(({ type }) => type).slice(2)).toEqual([
      'permission:requested',
      'permission:resolved',
      'completed',
    ])
    expect(log[3]?.data).toEqual(resolved)
  })

  it('a form takes the values that it asks for, and an answer that is not such names each field at fault', async () => {
    const form: Form = {
      message: 'Where to?',
      schema: {
        type: 'object',
        properties: {
          place: { type: 'string', oneOf: [{ const: 'here' }, { const: 'there' }] },
          copies: { type: 'integer', minimum: 1 },
        },
        required: ['place'],
      },
    }
    const script = working(async (context) => {
      return { ...(await context.ask({ ...approvalRequest, form })) }
    })
    const rig = await openSessions({ script })
    const { id } = await startSession(rig)
    const approvalId = await openApproval(rig.store, id)
    expect(await rig.runs.openQuestions(ann)).toMatchObject([{ approvalId, form }])
    const fieldsOf = (answer: Omit<AnswerApprovalBody, 'decision'>) =>
      rig.runs.answerApproval(id, approvalId, { decision: 'allow', ...answer }, ann).then(
        () => [],
        ({ code, fields }) => [code, ...fields.map(({ path }: { path: string }) => path)],
      )
    expect(await fieldsOf({})).toEqual(['invalid_request', 'values'])
    expect(await fieldsOf({ values: { place: 'nowhere', copies: 1.5, more: true } })).toEqual([
      'invalid_request',
      'values.place',
      'values.copies',
      'values.more',
    ])
    expect(await fieldsOf({ values: { copies: 2 } })).toEqual(['invalid_request', 'values.place'])
    expect(await fieldsOf({ values: { place: 'here' }, scope: 'run', updatedInput: {} })).toEqual([
      'invalid_request',
      'updatedInput',
      'scope',
    ])
    const values = { place: 'there', copies: 2 }
    expect(await fieldsOf({ values })).toEqual([])
    expect((await untilOver(rig.runs, id)).result).toEqual({ decision: 'allow', by: 'person', values })
    const resolved = (await logOf(rig.store, id)).find(({ type }) => type === permissionTypes.resolved)
    expect(resolved?.data).toMatchObject({ approvalId, values })
  })

  it('a question that is not a form takes no values', async () => {
    const rig = await openSessions({ script: askAndStay })
    const { id } = await startSession(rig)
    const approvalId = await openApproval(rig.store, id)
    const answer = { decision: 'allow' as const, values: { place: 'here' } }
    expect(await refusalOf(rig.runs.answerApproval(id, approvalId, answer, ann))).toBe('invalid_request')
    expect(await rig.runs.openQuestions(ann)).toHaveLength(1)
  })

  it('a client that reconnects reads an approval from the log, even after somebody else answered it', async () => {
    const rig = await openSessions({ script: askAndStay })
    const { id } = await startSession(rig)
    const approvalId = await openApproval(rig.store, id)
    const page = await rig.store.readAfter(id, { after: 2, maxBytes: 1e6 })
    expect(page?.events.map(({ type }) => type)).toEqual(['permission:requested'])
    expect(JSON.parse(page?.events[0]?.json ?? '')).toMatchObject({ approvalId })
    await rig.runs.answerApproval(id, approvalId, { decision: 'allow' }, root)
    const again = await rig.store.readAfter(id, { after: 3, maxBytes: 1e6 })
    expect(JSON.parse(again?.events[0]?.json ?? '')).toMatchObject({ approvalId, user: 'root' })
  })

  it('of many racing answers to an approval the first wins, and all others learn it', async () => {
    const rig = await openSessions({ script: askOnce })
    const { id } = await startSession(rig)
    const approvalId = await openApproval(rig.store, id)
    const answers = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) =>
        rig.runs.answerApproval(
          id,
          approvalId,
          { decision: n % 2 === 0 ? 'allow' : 'deny' },
          n < 10 ? ann : root,
        ),
      ),
    )
    const won = answers.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    expect(won).toHaveLength(1)
    for (const one of answers) {
      if (one.status === 'rejected')
        expect(one.reason).toMatchObject({ code: 'already_answered', status: 409 })
    }
    expect((await untilOver(rig.runs, id)).result).toMatchObject({ decision: won[0]?.decision, by: 'person' })
    const late = rig.runs.answerApproval(id, approvalId, { decision: 'allow' }, ann)
    expect(await refusalOf(late)).toBe('already_answered')
    await expectResolvedOnce(rig.store, id)
  })

  it('approvals of another’s run and unknown approvals are not found, in the same words', async () => {
    const rig = await openSessions({ script: askAndStay })
    const { id } = await startSession(rig)
    const approvalId = await openApproval(rig.store, id)
    const allow = { decision: 'allow' as const }
    const said = (run: string, approval: string, who: typeof ann) =>
      rig.runs.answerApproval(run, approval, allow, who).then(
        () => 'answered',
        (error: Error & { code?: string }) => `${error.code}: ${error.message}`.replace(run, 'ID'),
      )
    expect(await said(id, approvalId, bob)).toBe('not_found: No run ID')
    expect(await said(randomUUID(), approvalId, bob)).toBe('not_found: No run ID')
    const unknown = randomUUID()
    expect(await said(id, unknown, ann)).toBe(`not_found: No approval ${unknown}`)
    const other = await startSession(rig)
    expect(await said(other.id, approvalId, ann)).toBe(`not_found: No approval ${approvalId}`)
    expect(await rig.store.openApprovals(id)).toHaveLength(1)
  })

  it('of several open approvals each gets its own answer', async () => {
    const rig = await openSessions({
      script: working(async ({ ask }) => {
        const asked = ['a', 'b', 'c'].map((tool) => ask({ ...approvalRequest, tool }))
        return (await Promise.all(asked)).map(({ message }) => message)
      }),
    })
    const { id } = await startSession(rig)
    const open = await until(async () => {
      const found = await rig.store.openApprovals(id)
      return found.length === 3 ? found : null
    })
    for (const approval of open?.toReversed() ?? []) {
      const message = `${open?.indexOf(approval)}`
      await rig.runs.answerApproval(id, approval.id, { decision: 'allow', message }, ann)
    }
    expect((await untilOver(rig.runs, id)).result).toEqual(['0', '1', '2'])
  })

  it('an approval whose input is too large for an event is cut where it is long, and says so', async () => {
    const rig = await openSessions({
      script: working(({ ask }) => ask({ ...approvalRequest, input: { content: 'x'.repeat(10_000) } })),
    })
    const { id } = await startSession(rig)
    const approvalId = await openApproval(rig.store, id)
    const { data } = (await logOf(rig.store, id)).at(-1) ?? {}
    expect(data).toMatchObject({ approvalId, tool: 'Bash', truncated: ['input.content'] })
    expect(JSON.stringify(data).length).toBeLessThanOrEqual(4096)
  })

  it('an approval that JSON cannot hold ends the run as the runner’s fault, and leaves nothing open', async () => {
    const rig = await openSessions({ script: working(({ ask }) => ask({ ...approvalRequest, input: 10n })) })
    const { id } = await startSession(rig)
    expect(await untilOver(rig.runs, id)).toMatchObject({ state: 'errored' })
    expect(rig.clock.pending).toBe(0)
  })

  it('a runner cannot emit the events of an approval itself', async () => {
    const rig = await openSessions({
      script: working(({ emit, run }) => emit([{ type: String(run.spec.emits), data: {} }])),
    })
    const errorOf = async (emits: string) =>
      (await untilOver(rig.runs, (await startSession(rig, { emits })).id)).error?.message
    for (const type of [permissionTypes.requested, permissionTypes.resolved]) {
      expect(await errorOf(type)).toContain(`may not emit the event type ${type}`)
    }
    expect(await errorOf(permissionTypes.denied)).toBeUndefined()
  })
})

describe('an approval that nobody answers', () => {
  it('an approval that nobody answers is denied when it expires, and later answers are too late', async () => {
    const rig = await openSessions({ script: askOnce, parts: { approvalSeconds: 60 } })
    const { id } = await startSession(rig)
    const approvalId = await openApproval(rig.store, id)
    await rig.clock.advance(59_999)
    expect(await rig.store.openApprovals(id)).toHaveLength(1)
    await rig.clock.advance(1000)
    expect((await untilOver(rig.runs, id)).result).toEqual({ decision: 'deny', by: 'expiry' })
    expect((await logOf(rig.store, id)).at(-2)?.data).toEqual({ approvalId, decision: 'deny', by: 'expiry' })
    expect(rig.clock.pending).toBe(0)
  })

  it('an approval has expired even before the next sweep', async () => {
    const rig = await openSessions({ script: askOnce, parts: { approvalSeconds: 0.5 } })
    const { id } = await startSession(rig)
    const approvalId = await openApproval(rig.store, id)
    await rig.clock.advance(500)
    const late = rig.runs.answerApproval(id, approvalId, { decision: 'allow' }, ann)
    expect(await refusalOf(late)).toBe('already_answered')
    expect((await untilOver(rig.runs, id)).result).toEqual({ decision: 'deny', by: 'expiry' })
    await expectResolvedOnce(rig.store, id)
  })

  it('all approvals share one timer, which is gone when the last one is answered', async () => {
    const rig = await openSessions({ script: askOnce })
    const started = await Promise.all(Array.from({ length: 12 }, () => startSession(rig)))
    const open = await Promise.all(
      started.map(async ({ id }) => ({ id, approvalId: await openApproval(rig.store, id) })),
    )
    expect(rig.clock.pending).toBe(1)
    await rig.clock.advance(1000)
    expect(rig.clock.pending).toBe(1)
    for (const { id, approvalId } of open) {
      await rig.runs.answerApproval(id, approvalId, { decision: 'allow' }, ann)
    }
    for (const { id } of started) await untilOver(rig.runs, id)
    expect(rig.clock.pending).toBe(0)
  })

  it('expired approvals are swept again after a failed read, which is logged once', async () => {
    let failures = 2
    const rig = await openSessions({
      script: askOnce,
      parts: { approvalSeconds: 1 },
      between: (store) => ({
        ...store,
        answerApproval: (...asked) => {
          failures -= 1
          return failures >= 0 ? Promise.reject(new Error('not now')) : store.answerApproval(...asked)
        },
      }),
    })
    const { id } = await startSession(rig)
    await openApproval(rig.store, id)
    for (let second = 0; second < 3; second += 1) await rig.clock.advance(1000)
    expect((await untilOver(rig.runs, id)).result).toEqual({ decision: 'deny', by: 'expiry' })
    expect(rig.logged.filter((text) => text.includes('cannot be read'))).toHaveLength(1)
  })
})

describe('an answer given on another node', () => {
  /** `heard`: what the node hears of the commit that has the answer; null is nothing. */
  const askedElsewhere = (heard: (answer: Commit) => Commit | null) =>
    openSessions({
      script: askOnce,
      between: (store) => ({
        ...store,
        onCommit: (listener) =>
          store.onCommit((commit: Commit) => {
            const isAnswer = commit.events.some(({ type }) => type === permissionTypes.resolved)
            const passed = isAnswer ? heard(commit) : commit
            if (passed !== null) listener(passed)
          }),
      }),
    })

  it('an answer given on another node is found at its hint, which has no events', async () => {
    const rig = await askedElsewhere((answer) => ({ ...answer, events: [], elsewhere: true }))
    const { id } = await startSession(rig)
    const approvalId = await openApproval(rig.store, id)
    await rig.store.answerApproval(id, approvalId, { decision: 'allow', by: 'person', user: 'ann', at: 5 })
    expect((await untilOver(rig.runs, id)).result).toEqual({ decision: 'allow', by: 'person' })
  })

  it('an answer given on another node is found by the next sweep if its hint was lost', async () => {
    const rig = await askedElsewhere((answer) => (answer.closed ? answer : null))
    const { id } = await startSession(rig)
    const approvalId = await openApproval(rig.store, id)
    const said = { decision: 'deny' as const, message: 'no' }
    await rig.runs.answerApproval(id, approvalId, said, ann)
    expect((await rig.runs.get(id, ann)).state).toBe('running')
    await rig.clock.advance(1000)
    expect((await untilOver(rig.runs, id)).result).toEqual({ ...said, by: 'person' })
  })
})

it('a runner’s lines in the server’s log name the run and its project', async () => {
  const rig = await openSessions({
    script: working(async ({ log }) => log.warn({ tool: 'Write' }, 'refused a call')),
  })
  const { id, project } = await startSession(rig)
  await untilOver(rig.runs, id)
  const told = rig.logged.map((text) => JSON.parse(text)).find(({ msg }) => msg === 'refused a call')
  expect(told).toMatchObject({ run: id, project, tool: 'Write', level: 40 })
})
