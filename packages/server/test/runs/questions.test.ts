import { randomUUID } from 'node:crypto'
import { type PermissionResolvedEvent, permissionTypes } from '@millrace/protocol'
import { describe, expect, it } from 'vitest'
import { EndRequest } from '../../src/runners/runner.ts'
import { newApproval } from '../../src/store/conformance-approvals.ts'
import { runningRun } from '../../src/store/conformance-material.ts'
import { openSqliteStore } from '../../src/store/sqlite/store.ts'
import type { Commit } from '../../src/store/store.ts'
import {
  ann,
  bob,
  expectNothingUnhandled,
  expectWholeLog,
  logOf,
  refusalOf,
  root,
  temporaryDir,
  until,
  untilOver,
  untilState,
} from './support/rig.ts'
import { outcome } from './support/scripted-runner.ts'
import {
  askAndStay,
  askOnce,
  openQuestion,
  openSessions,
  question,
  startSession,
  working,
} from './support/session-rig.ts'

expectNothingUnhandled()

describe('a question', () => {
  it('is in the log with all a person needs, and its answer goes to the runner and to the log', async () => {
    const rig = await openSessions({ script: askOnce })
    const { id } = await startSession(rig)
    const approvalId = await openQuestion(rig.store, id)
    const asked = (await logOf(rig.store, id)).at(-1)
    expect(asked).toMatchObject({ seq: 3, type: 'permission:requested' })
    const expiresAt = rig.clock.now() + 3_600_000
    expect(asked?.data).toEqual({ ...question, approvalId, expiresAt })
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

  it('is read from the log by whoever comes back, also after it was answered by another', async () => {
    const rig = await openSessions({ script: askAndStay })
    const { id } = await startSession(rig)
    const approvalId = await openQuestion(rig.store, id)
    const page = await rig.store.readAfter(id, { after: 2, maxBytes: 1e6 })
    expect(page?.events.map(({ type }) => type)).toEqual(['permission:requested'])
    expect(JSON.parse(page?.events[0]?.json ?? '')).toMatchObject({ approvalId })
    await rig.runs.answerApproval(id, approvalId, { decision: 'allow' }, root)
    const again = await rig.store.readAfter(id, { after: 3, maxBytes: 1e6 })
    expect(JSON.parse(again?.events[0]?.json ?? '')).toMatchObject({ approvalId, user: 'root' })
  })

  it('is answered once: the first answer wins, of many that race, and all others learn it', async () => {
    const rig = await openSessions({ script: askOnce })
    const { id } = await startSession(rig)
    const approvalId = await openQuestion(rig.store, id)
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

  it('is nobody else’s: another’s run and an unknown question are not found, in the same words', async () => {
    const rig = await openSessions({ script: askAndStay })
    const { id } = await startSession(rig)
    const approvalId = await openQuestion(rig.store, id)
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

  it('may be one of several: each answer goes to its own', async () => {
    const rig = await openSessions({
      script: working(async ({ ask }) => {
        const asked = ['a', 'b', 'c'].map((tool) => ask({ ...question, tool }))
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

  it('with an input that is too large for an event is cut where it is long, and says so', async () => {
    const rig = await openSessions({
      script: working(({ ask }) => ask({ ...question, input: { content: 'x'.repeat(10_000) } })),
    })
    const { id } = await startSession(rig)
    const approvalId = await openQuestion(rig.store, id)
    const { data } = (await logOf(rig.store, id)).at(-1) ?? {}
    expect(data).toMatchObject({ approvalId, tool: 'Bash', truncated: ['input.content'] })
    expect(JSON.stringify(data).length).toBeLessThanOrEqual(4096)
  })

  it('that JSON cannot hold ends the run as the runner’s fault, and leaves nothing open', async () => {
    const rig = await openSessions({ script: working(({ ask }) => ask({ ...question, input: 10n })) })
    const { id } = await startSession(rig)
    expect(await untilOver(rig.runs, id)).toMatchObject({ state: 'errored' })
    expect(rig.clock.timers).toBe(0)
  })

  it('and its answer are the service’s to record: a runner cannot emit such events', async () => {
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

describe('a question nobody answers', () => {
  it('is a denial when it expires, by the clock, and an answer is too late from that moment on', async () => {
    const rig = await openSessions({ script: askOnce, parts: { approvalSeconds: 60 } })
    const { id } = await startSession(rig)
    const approvalId = await openQuestion(rig.store, id)
    await rig.clock.move(59_999)
    expect(await rig.store.openApprovals(id)).toHaveLength(1)
    await rig.clock.move(1000)
    expect((await untilOver(rig.runs, id)).result).toEqual({ decision: 'deny', by: 'expiry' })
    expect((await logOf(rig.store, id)).at(-2)?.data).toEqual({ approvalId, decision: 'deny', by: 'expiry' })
    expect(rig.clock.timers).toBe(0)
  })

  it('has expired although no sweep has come by', async () => {
    const rig = await openSessions({ script: askOnce, parts: { approvalSeconds: 0.5 } })
    const { id } = await startSession(rig)
    const approvalId = await openQuestion(rig.store, id)
    await rig.clock.move(500)
    const late = rig.runs.answerApproval(id, approvalId, { decision: 'allow' }, ann)
    expect(await refusalOf(late)).toBe('already_answered')
    expect((await untilOver(rig.runs, id)).result).toEqual({ decision: 'deny', by: 'expiry' })
    await expectResolvedOnce(rig.store, id)
  })

  it('shares one timer with all others, which is gone when the last one is answered', async () => {
    const rig = await openSessions({ script: askOnce })
    const started = await Promise.all(Array.from({ length: 12 }, () => startSession(rig)))
    const open = await Promise.all(
      started.map(async ({ id }) => ({ id, approvalId: await openQuestion(rig.store, id) })),
    )
    expect(rig.clock.timers).toBe(1)
    await rig.clock.move(1000)
    expect(rig.clock.timers).toBe(1)
    for (const { id, approvalId } of open) {
      await rig.runs.answerApproval(id, approvalId, { decision: 'allow' }, ann)
    }
    for (const { id } of started) await untilOver(rig.runs, id)
    expect(rig.clock.timers).toBe(0)
  })

  it('is swept again when the store could not be asked', async () => {
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
    await openQuestion(rig.store, id)
    for (let second = 0; second < 3; second += 1) await rig.clock.move(1000)
    expect((await untilOver(rig.runs, id)).result).toEqual({ decision: 'deny', by: 'expiry' })
    expect(rig.logged.filter((text) => text.includes('could not be looked at'))).toHaveLength(2)
  })
})

describe('an answer that came in by another node', () => {
  it('is heard of through the store', async () => {
    const rig = await openSessions({ script: askOnce })
    const { id } = await startSession(rig)
    const approvalId = await openQuestion(rig.store, id)
    await rig.store.answerApproval(id, approvalId, { decision: 'allow', by: 'person', user: 'ann', at: 5 })
    expect((await untilOver(rig.runs, id)).result).toEqual({ decision: 'allow', by: 'person' })
  })

  it('is found by the next sweep when the hint was lost', async () => {
    const rig = await openSessions({
      script: askOnce,
      between: (store) => ({
        ...store,
        onCommit: (listener) =>
          store.onCommit((commit: Commit) => {
            const hint = commit.events.some(({ type }) => type === permissionTypes.resolved)
            if (!hint || commit.closed) listener(commit)
          }),
      }),
    })
    const { id } = await startSession(rig)
    const approvalId = await openQuestion(rig.store, id)
    const said = { decision: 'deny' as const, message: 'no' }
    await rig.runs.answerApproval(id, approvalId, said, ann)
    expect((await rig.runs.get(id, ann)).state).toBe('running')
    await rig.clock.move(1000)
    expect((await untilOver(rig.runs, id)).result).toEqual({ ...said, by: 'person' })
  })
})

describe('the end of a run with an open question', () => {
  it('by an abort rejects the wait with the reason, and withdraws the question in the log', async () => {
    const reasons: unknown[] = []
    const rig = await openSessions({
      script: working(({ ask }) => ask(question).catch((reason: unknown) => reasons.push(reason))),
    })
    const { id } = await startSession(rig)
    const approvalId = await openQuestion(rig.store, id)
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
    expect(rig.clock.timers).toBe(0)
  })

  it('by a shutdown is in time, whether the runner heeds it or not', async () => {
    const gate = Promise.withResolvers<void>()
    const dataDir = temporaryDir()
    const rig = await openSessions({
      dataDir,
      script: async (context) => {
        await context.started()
        const asked = context.ask(question).catch(() => {})
        await (context.run.spec.deaf === true ? gate.promise : asked)
        return outcome()
      },
    })
    const started = [await startSession(rig), await startSession(rig, { deaf: true })]
    for (const { id } of started) await openQuestion(rig.store, id)
    await rig.runs.shutdown()
    for (const { id } of started) {
      expect(await rig.store.getRun(id)).toMatchObject({ state: 'interrupted', cause: 'shutdown' })
      expect((await expectResolvedOnce(rig.store, id)).map(({ by }) => by)).toEqual(['withdrawn'])
    }
    expect(rig.clock.timers).toBe(0)
    gate.resolve()
    await until(() => rig.runner.active === 0)
  })

  it('by its own outcome does not wait for the answer', async () => {
    const asked: Promise<unknown>[] = []
    const rig = await openSessions({
      script: async ({ ask }) => {
        asked.push(ask(question))
        return outcome()
      },
    })
    const { id } = await startSession(rig)
    expect((await untilOver(rig.runs, id)).state).toBe('completed')
    expect(await refusalOf(asked[0] ?? Promise.resolve())).toBe('run_over')
    expect((await expectResolvedOnce(rig.store, id)).map(({ by }) => by)).toEqual(['withdrawn'])
    expect(rig.clock.timers).toBe(0)
  })

  it('that cannot be stored rejects the wait all the same', async () => {
    const { promise: reason, resolve } = Promise.withResolvers<unknown>()
    const rig = await openSessions({
      dataDir: temporaryDir(),
      script: async ({ ask }) => {
        ask(question).catch(resolve)
        return outcome()
      },
      between: (store) => ({ ...store, finish: () => Promise.reject(new Error('the disk is gone')) }),
    })
    await startSession(rig)
    expect(await reason).toMatchObject({ message: 'the run is over' })
    expect(rig.clock.timers).toBe(0)
  })

  it('races its answer: the log tells one story, and the runner heard no other', async () => {
    const heard = new Map<string, unknown>()
    const rig = await openSessions({
      script: working(async ({ ask, run }) => {
        heard.set(run.id, await ask(question).catch(() => 'rejected'))
      }),
    })
    const started = await Promise.all(Array.from({ length: 15 }, () => startSession(rig)))
    const open = await Promise.all(
      started.map(async ({ id }) => ({ id, approvalId: await openQuestion(rig.store, id) })),
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
    expect(rig.clock.timers).toBe(0)
  })

  it('makes every later question of its runner a rejection, and none is put', async () => {
    const rig = await openSessions({ script: askAndStay })
    const { id } = await startSession(rig)
    await openQuestion(rig.store, id)
    await rig.runs.abort(id, ann)
    const { length } = await expectWholeLog(rig.store, id)
    await expect(rig.runner.context(id).ask(question)).rejects.toBeInstanceOf(EndRequest)
    expect(await logOf(rig.store, id)).toHaveLength(length)
    expect(rig.clock.timers).toBe(0)
  })

  it('by a crash of the server withdraws it at the next start, once', async () => {
    const dataDir = temporaryDir()
    const killed = await openSqliteStore({ dataDir })
    const id = await runningRun(killed, { kind: 'session', owner: 'ann' })
    const { id: approvalId, ...asked } = newApproval()
    await killed.requestApproval(id, 1, { id: approvalId, ...asked })
    await killed.close()
    for (let start = 0; start < 2; start += 1) {
      const next = await openSessions({ dataDir, script: askAndStay })
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

it('what a runner tells the server’s log says which run and project it is about', async () => {
  const rig = await openSessions({
    script: working(async ({ log }) => log.warn({ tool: 'Write' }, 'refused a call')),
  })
  const { id, project } = await startSession(rig)
  await untilOver(rig.runs, id)
  const told = rig.logged.map((text) => JSON.parse(text)).find(({ msg }) => msg === 'refused a call')
  expect(told).toMatchObject({ run: id, project, tool: 'Write', level: 40 })
})

/** Each question of a run that is over has one answer in its log; returns those. */
async function expectResolvedOnce(
  store: Parameters<typeof expectWholeLog>[0],
  id: string,
): Promise<PermissionResolvedEvent[]> {
  const log = await expectWholeLog(store, id)
  const dataOf = (wanted: string) =>
    log.filter(({ type }) => type === wanted).map(({ data }) => data as unknown as PermissionResolvedEvent)
  const resolved = dataOf(permissionTypes.resolved)
  const requested = dataOf(permissionTypes.requested)
  expect(resolved.map((one) => one.approvalId).toSorted()).toEqual(
    requested.map((one) => one.approvalId).toSorted(),
  )
  return resolved
}
