/** Parked runs: no process while people think, and the call that they are asked about begins exactly once. */
import type { ApprovalAnswer, EventInput, RunRecord, Store } from '@millrace/server/store'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  completed,
  expectCode,
  newApproval,
  newMessage,
  newRun,
  readAll,
  runningRun,
  type Subject,
} from './material.ts'

const allow: ApprovalAnswer = { decision: 'allow', by: 'person', user: 'ada', at: 5_000 }
const parked: EventInput = { at: 4_500, type: 'run:parked', json: '{}' }
const woken: EventInput = { at: 5_500, type: 'run:woken', json: '{}' }
const claimJob = { kind: 'job', limit: 1, node: 'there' } as const

/** A run that waits for an answer, without a process. Returns its id and the approval's. */
async function parkedRun(store: Store, given = {}): Promise<{ id: string; approval: string }> {
  const id = await runningRun(store, given)
  const approval = newApproval({ call: 'call 1' })
  await store.requestApproval(id, 1, approval)
  await store.park(id, 1, { usage: { turns: 1 }, event: parked })
  return { id, approval: approval.id }
}

export function describeParking(subject: Subject): void {
  describe('parked runs', () => {
    testParkedRuns(subject)
    testWhatWakesThem(subject)
    testTheirQuestions(subject)
    testLosses(subject)
  })
}

function testParkedRuns(subject: Subject): void {
  test('a parked run belongs to no node, counts for no limit, and keeps its project', async () => {
    const { store } = subject
    const { id } = await parkedRun(store, { exclusive: true })
    expect(await store.getRun(id)).toMatchObject({
      state: 'running',
      parked: 'waiting',
      node: null,
      process: null,
      usage: { turns: 1 },
      attempt: 1,
    })
    await expect(store.createRun(newRun({ exclusive: true }))).rejects.toMatchObject({
      code: 'project_busy',
    })
    const other = newRun()
    await store.createRun(other)
    expect(await store.claim({ ...claimJob, node: 'here' })).toMatchObject({ id: other.id })
    expect((await store.listActive()).map((run) => run.id)).toEqual([other.id])
  })

  test('an answer makes a parked run ready: it is claimed before what is queued, and stays running', async () => {
    const { store } = subject
    const { id, approval } = await parkedRun(store)
    await store.createRun(newRun())
    await subject.reopen()
    const after = subject.store
    await after.answerApproval(id, approval, allow)
    expect(await after.claim(claimJob)).toMatchObject({
      id,
      state: 'running',
      attempt: 2,
      node: 'there',
      parked: 'woken',
      startedAt: 3_000,
    })
    expect(await after.claim(claimJob)).toBeNull()
    expect(await after.wake(id, 2, woken)).toMatchObject({ parked: null, head: 6 })
    // A second word of the same attempt changes nothing.
    expect(await after.wake(id, 2, woken)).toMatchObject({ parked: null, head: 6 })
    expect((await readAll(after, id)).map(({ type }) => type).slice(2)).toEqual([
      'permission:requested',
      'run:parked',
      'permission:resolved',
      'run:woken',
    ])
    await after.finish(id, 2, completed())
    expect(await after.getRun(id)).toMatchObject({ state: 'completed', parked: null })
  })
}

function testWhatWakesThem(subject: Subject): void {
  test('an answer that was there before the run is parked makes it ready at once', async () => {
    const { store } = subject
    const id = await runningRun(store)
    const approval = newApproval()
    await store.requestApproval(id, 1, approval)
    await Promise.all([
      store.answerApproval(id, approval.id, allow),
      store.park(id, 1, { usage: null, event: parked }),
    ])
    expect(await store.getRun(id)).toMatchObject({ parked: 'ready', usage: null })
  })

  test('a message that interrupts makes a parked run ready, and others wait', async () => {
    const { store } = subject
    const { id } = await parkedRun(store)
    await store.acceptMessage(id, newMessage({ mode: 'queue' }))
    await store.acceptMessage(id, newMessage({ mode: 'steer' }))
    expect(await store.getRun(id)).toMatchObject({ parked: 'waiting' })
    await store.acceptMessage(id, newMessage({ mode: 'interrupt' }))
    expect(await store.getRun(id)).toMatchObject({ parked: 'ready' })
    expect(await store.claim(claimJob)).toMatchObject({ id, parked: 'woken' })
  })

  test('a message that was taken and not delivered waits again when its run is parked', async () => {
    const { store } = subject
    const id = await runningRun(store)
    const [read, unread] = [newMessage(), newMessage()]
    for (const message of [read, unread]) await store.acceptMessage(id, message)
    for (const _ of [read, unread]) await store.takeMessages(id, 1, { want: 'turn', seal: false })
    const delivered = { at: 6_000, type: 'message:delivered', json: '{}' }
    await store.deliverMessage(id, 1, read.id, delivered)
    await store.requestApproval(id, 1, newApproval())
    await store.park(id, 1, { usage: null, event: parked })
    expect(await store.undeliveredMessages(id)).toMatchObject([{ id: unread.id, state: 'waiting' }])
  })

  test('a run that is to end is not parked, and a parked one whose end was requested is not claimed', async () => {
    const { store } = subject
    const ending = await runningRun(store)
    await store.requestEnd(ending, 'abort')
    expect(await store.park(ending, 1, { usage: null, event: parked })).toBeNull()
    expect(await readAll(store, ending)).toHaveLength(2)
    const { id, approval } = await parkedRun(store)
    await store.requestEnd(id, 'abort')
    await store.answerApproval(id, approval, allow)
    expect(await store.claim({ ...claimJob, limit: 9 })).toBeNull()
    expect((await store.listActive()).map((run) => run.id)).toEqual([ending, id])
    for (const attempt of [0, 2])
      await expect(store.park(id, attempt, { usage: null, event: null })).rejects.toMatchObject({
        code: 'stale_attempt',
      })
  })
}

function testTheirQuestions(subject: Subject): void {
  test('the question about a call is found by the call, the newest one of its run', async () => {
    const { store } = subject
    const { id, approval } = await parkedRun(store)
    expect(await store.approvalOfCall(id, 'call 1')).toEqual({
      id: approval,
      expiresAt: 60_000,
      answer: null,
    })
    const again = newApproval({ call: 'call 1' })
    await store.requestApproval(id, 1, again)
    expect(await store.approvalOfCall(id, 'call 1')).toMatchObject({ id: again.id })
    expect(await store.approvalOfCall(id, 'call 2')).toBeNull()
    expect(await store.approvalOfCall(newRun().id, 'call 1')).toBeNull()
  })

  test('the open questions of all runs are listed by their expiry, of one owner and before a time', async () => {
    const { store } = subject
    const mine = await runningRun(store)
    const other = await runningRun(store, { owner: 'bob' })
    const [late, soon, theirs] = [70_000, 50_000, 60_000].map((expiresAt) => newApproval({ expiresAt }))
    if (late === undefined || soon === undefined || theirs === undefined) throw new Error('three were made')
    await store.requestApproval(mine, 1, late)
    await store.requestApproval(mine, 1, soon)
    await store.requestApproval(other, 1, theirs)
    const ids = async (about: Parameters<Store['waitingApprovals']>[0]) =>
      (await store.waitingApprovals(about)).map((one) => one.id)
    expect(await ids({ limit: 9 })).toEqual([soon.id, theirs.id, late.id])
    expect(await ids({ owner: 'ada', limit: 9 })).toEqual([soon.id, late.id])
    expect(await ids({ before: 60_001, limit: 9 })).toEqual([soon.id, theirs.id])
    expect(await ids({ limit: 1 })).toEqual([soon.id])
    await store.answerApproval(mine, soon.id, allow)
    await store.finish(other, 1, completed())
    expect(await store.waitingApprovals({ limit: 9 })).toEqual([
      { runId: mine, id: late.id, expiresAt: 70_000 },
    ])
  })
}

function testLosses(subject: Subject): void {
  test('whatever is lost when, each answered question has its call begun exactly once', async () => {
    const { store } = subject
    const property = fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const world = new World(store, await runningRun(store))
      for (const one of steps) await world.take(one)
      await world.settle()
      const log = await readAll(store, world.id)
      expect(log.filter(({ type }) => type === 'run:woken')).toHaveLength(world.begun.length)
      expect(world.begun).toEqual([...new Set(world.begun)])
      expect(world.begun).toEqual(world.asked)
      await store.finish(world.id, world.attempt, completed())
    })
    await fc.assert(property, { numRuns: process.env.MILLRACE_TEST_FULL === undefined ? 60 : 1000 })
  }, 300_000)
}

type Step = 'park' | 'answer' | 'claim' | 'begin' | 'crash' | 'late'
const step: fc.Arbitrary<Step> = fc.constantFrom('park', 'answer', 'claim', 'begin', 'crash', 'late')

/** One run, the workers that come and go, and what they did. */
class World {
  readonly id: string
  readonly asked: string[] = []
  /** Calls that have begun, in order. */
  readonly begun: string[] = []
  /** Of the worker at work, or the newest one. */
  attempt = 1
  readonly #store: Store
  #isWorking = true
  #open: string | null = null

  constructor(store: Store, id: string) {
    this.#store = store
    this.id = id
  }

  async take(step: Step): Promise<void> {
    const run = await this.#run()
    switch (step) {
      case 'park':
        if (this.#isWorking && run.parked === null) await this.#park()
        return
      case 'answer':
        if (this.#open !== null)
          await this.#store.answerApproval(this.id, this.#open, allow).catch(expectCode('already_answered'))
        return
      case 'claim':
        await this.#claim(run)
        return
      case 'begin':
        if (this.#isWorking && run.parked === 'woken') await this.#begin(this.attempt)
        return
      case 'crash':
        await this.#crash(run)
        return
      case 'late':
        // A worker that was given up and does not know it.
        await this.#store.wake(this.id, this.attempt - 1, woken).catch(expectCode('stale_attempt'))
        return
      default:
        step satisfies never
    }
  }

  /** Everybody answers, and nobody is lost any longer. */
  async settle(): Promise<void> {
    await this.take('answer')
    await this.take('claim')
    await this.take('begin')
  }

  async #park(): Promise<void> {
    const call = `call ${this.asked.length + 1}`
    const approval = newApproval({ call })
    this.asked.push(call)
    this.#open = approval.id
    await this.#store.requestApproval(this.id, this.attempt, approval)
    await this.#store.park(this.id, this.attempt, { usage: null, event: parked })
    this.#isWorking = false
  }

  async #claim(before: RunRecord): Promise<void> {
    const run = await this.#store.claim({ ...claimJob, limit: 1000 })
    expect(run !== null).toBe(before.parked === 'ready')
    if (run === null) return
    expect(run).toMatchObject({ id: this.id, attempt: this.attempt + 1 })
    this.attempt = run.attempt
    this.#isWorking = true
  }

  async #begin(attempt: number): Promise<void> {
    const call = this.asked.at(-1)
    if (call === undefined) throw new Error('nothing was asked')
    expect((await this.#store.approvalOfCall(this.id, call))?.answer).toMatchObject({ decision: 'allow' })
    await this.#store.wake(this.id, attempt, woken)
    this.begun.push(call)
  }

  /** The worker is lost, and a recovery finds what it left. A run whose call may have begun is left to it: it has ended. */
  async #crash(run: RunRecord): Promise<void> {
    const left = (await this.#store.listActive()).filter(({ id }) => id === this.id)
    expect(left).toHaveLength(this.#isWorking ? 1 : 0)
    if (!this.#isWorking || run.parked !== 'woken') return
    await this.#store.park(this.id, this.attempt, { usage: null, event: null })
    this.#isWorking = false
  }

  async #run(): Promise<RunRecord> {
    const run = await this.#store.getRun(this.id)
    if (run === null) throw new Error('the run exists')
    return run
  }
}
