/** From commits to changes, over a store whose reads the test delays. */
import { randomUUID } from 'node:crypto'
import { ManualClock } from '@millrace/test-support/manual-clock'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type RunChange, RunChanges } from '#realtime/run-changes'
import type { Commit, RunRecord } from '#store/store'

const blank: RunRecord = {
  id: '',
  kind: 'job',
  project: 'web',
  owner: 'anna',
  state: 'queued',
  outcome: null,
  spec: {},
  attempt: 0,
  parked: null,
  createdAt: 0,
  startedAt: null,
  finishedAt: null,
  result: null,
  error: null,
  usage: null,
  head: 1,
  retryOf: null,
  resumes: null,
  forkOf: null,
  cause: 'abort',
  process: { pid: 7, startTime: 7 },
  node: 'secret-node',
}

function rig() {
  const runs = new Map<string, RunRecord>()
  const clock = new ManualClock()
  const told: RunChange[] = []
  const reads: (() => void)[] = []
  let listener: (commit: Commit) => void = () => {}
  const control = { hold: false, fail: false, wanted: true }
  const subject = new RunChanges({
    store: {
      getRun: async (id) => {
        const then = runs.get(id) ?? null
        if (control.hold) await new Promise<void>((resolve) => reads.push(resolve))
        if (control.fail) throw new Error('the disk is away')
        return then
      },
      onCommit: (next) => {
        listener = next
        return () => {
          listener = () => {}
        }
      },
    },
    clock,
    intervalMs: 250,
    retryMs: 5000,
    wanted: () => control.wanted,
    send: (change) => told.push(change),
    onFailure: () => {},
  })
  const commit = (id: string, change: Commit['change'], state: RunRecord['state'], head: number) => {
    const last = { ...blank, id, state, head }
    if (change === 'deleted') runs.delete(id)
    else runs.set(id, last)
    const closed = change === 'finished' || change === 'deleted'
    listener({
      runId: id,
      change,
      state,
      head,
      closed,
      events: [],
      ...(change === 'deleted' ? { last } : {}),
    })
  }
  return { subject, clock, told, reads, control, commit }
}
const settle = () => new Promise<void>((resolve) => setImmediate(resolve))
const short = ({ action, run, finished }: RunChange) =>
  `${action} ${run.state} ${run.head}${finished ? ' !' : ''}`

describe('changes of a run', () => {
  it('a run has one change per interval, however many commits there are, and its last state is sent', async () => {
    const { clock, told, commit } = rig()
    commit('a', 'created', 'queued', 1)
    await settle()
    for (let head = 2; head < 100; head++) commit('a', 'updated', 'running', head)
    await settle()
    clock.advance(250)
    await settle()
    commit('a', 'finished', 'completed', 100)
    clock.advance(250)
    await settle()
    expect(told.map(short)).toEqual(['create queued 1', 'update running 99', 'update completed 100 !'])
    expect(told[0]?.run).not.toHaveProperty('node')
    expect(told[0]?.run).not.toHaveProperty('process')
    expect(told[0]?.run).not.toHaveProperty('cause')
  })

  it('changes of a run come in order even when it is deleted before it was read', async () => {
    const { told, commit, control, reads } = rig()
    control.hold = true
    commit('a', 'created', 'queued', 1)
    commit('a', 'finished', 'errored', 2)
    commit('a', 'deleted', 'errored', 2)
    for (const read of reads) read()
    await settle()
    expect(told.map(short)).toEqual(['create errored 2 !', 'delete errored 2'])
  })

  it('the change that says "finished" carries the final state, not one read before', async () => {
    const { told, clock, commit, control, reads } = rig()
    control.hold = true
    commit('a', 'updated', 'running', 5)
    commit('a', 'finished', 'completed', 6)
    control.hold = false
    for (const read of reads) read()
    await settle()
    clock.advance(250)
    await settle()
    expect(told.map(short)).toEqual(['update running 5', 'update completed 6 !'])
  })

  it('changes that could not be read are sent later, and none is lost', async () => {
    const { told, clock, commit, control } = rig()
    control.fail = true
    commit('a', 'created', 'queued', 1)
    await settle()
    control.fail = false
    clock.advance(5000)
    await settle()
    expect(told.map(short)).toEqual(['create queued 1'])
  })

  it('changes are not read while nobody listens, nor when only the start of a log was pruned', async () => {
    const { told, clock, commit, control } = rig()
    control.wanted = false
    commit('a', 'created', 'queued', 1)
    commit('a', 'finished', 'completed', 2)
    control.wanted = true
    await settle()
    const closedUpdate = () => commit('a', 'finished', 'completed', 2)
    expect([told.length, clock.pending]).toEqual([0, 0])
    closedUpdate()
    await settle()
    expect(told.map(short)).toEqual(['update completed 2 !'])
  })

  it('changes of any history are: created first, deleted last, the last state always, finished once', async () => {
    const step = fc.constantFrom('commit', 'commit', 'wait', 'read', 'hold', 'fail')
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.boolean(), async (steps, deletes) => {
        const { told, clock, commit, control, reads } = rig()
        const id = randomUUID()
        const go = async () => {
          control.hold = false
          control.fail = false
          for (const read of reads.splice(0)) read()
          await settle()
          clock.advance(5000)
          await settle()
        }
        commit(id, 'created', 'queued', 1)
        let head = 1
        for (const next of steps) {
          if (next === 'commit') commit(id, 'updated', 'running', ++head)
          else if (next === 'wait') clock.advance(250)
          else if (next === 'read') for (const read of reads.splice(0)) read()
          else if (next === 'hold') control.hold = !control.hold
          else control.fail = !control.fail
          await settle()
        }
        commit(id, 'finished', 'completed', ++head)
        if (deletes) commit(id, 'deleted', 'completed', head)
        await go()
        await go()
        await go()
        const actions = told.map(({ action }) => action)
        expect(actions[0]).toBe('create')
        expect(actions.filter((action) => action === 'create')).toHaveLength(1)
        expect(actions.indexOf('delete')).toBe(deletes ? actions.length - 1 : -1)
        expect(told.at(-1)?.run).toMatchObject({ state: 'completed', head })
        expect(told.filter(({ finished }) => finished)).toHaveLength(1)
        expect(clock.pending).toBe(0)
      }),
      { numRuns: 60 },
    )
  })
})
