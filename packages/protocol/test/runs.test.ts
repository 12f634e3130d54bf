import { describe, expect, it } from 'vitest'
import {
  canMove,
  eventTypePattern,
  finalStateOf,
  finalStates,
  isFinal,
  openStates,
  outcomeOf,
  type RunKind,
  type RunState,
  runKinds,
  runStates,
  terminalType,
} from '#index'
import { runSchema } from '#schemas/index'

const order: RunState[] = ['queued', 'starting', 'running']

describe('canMove', () => {
  it.each(finalStates)('no run leaves %s', (from) => {
    expect(runStates.filter((to) => canMove(from, to))).toEqual([])
  })

  it.each(openStates)('a %s run may end in any way, and otherwise only move one step forward', (from) => {
    const next = order[order.indexOf(from) + 1]
    const expected = [...(next === undefined ? [] : [next]), ...finalStates]
    expect(runStates.filter((to) => canMove(from, to))).toEqual(expected)
  })
})

describe('the outcome', () => {
  it('a job that ran and did not succeed is a failure, whatever its state says', () => {
    expect(outcomeOf('job', 'completed', { success: true, exitCode: 0 })).toBe('success')
    for (const result of [{ success: false, exitCode: 3 }, { exitCode: 0 }, {}, null, undefined, 'ok']) {
      expect(outcomeOf('job', 'completed', result)).toBe('failure')
    }
  })

  it.each<RunKind>(['session', 'execution', 'external'])(
    'a completed %s is a success, whatever its result',
    (kind) => {
      for (const result of [{ success: false }, null, 'done']) {
        expect(outcomeOf(kind, 'completed', result)).toBe('success')
      }
    },
  )

  it.each(runKinds)('a %s has no outcome while it is open; else its state decides', (kind) => {
    for (const state of openStates) expect(outcomeOf(kind, state, { success: true })).toBeNull()
    expect(outcomeOf(kind, 'errored', { success: true })).toBe('failure')
    expect(outcomeOf(kind, 'aborted', null)).toBe('aborted')
    expect(outcomeOf(kind, 'interrupted', null)).toBe('interrupted')
  })
})

describe('the terminal event', () => {
  it('the terminal event has the documented type, for every kind and final state', () => {
    const table = Object.fromEntries(
      runKinds.map((kind) => [kind, finalStates.map((state) => terminalType(kind, state))]),
    )
    const execution = ['execution:complete', 'execution:error', 'execution:error', 'execution:interrupted']
    expect(table).toEqual({
      job: ['complete', 'error', 'error', 'error'],
      session: ['completed', 'errored', 'aborted', 'interrupted'],
      execution,
      external: execution,
    })
  })

  it('the type of a terminal event fits in an SSE frame', () => {
    for (const kind of runKinds) {
      for (const state of finalStates) expect(terminalType(kind, state)).toMatch(eventTypePattern)
    }
  })

  it('a terminal event whose data names its state leads back to that state', () => {
    for (const kind of runKinds) {
      for (const state of finalStates) {
        expect(finalStateOf(kind, { type: terminalType(kind, state), data: { state } })).toBe(state)
      }
    }
  })

  it('a cancelled execution differs from a failed one by its code', () => {
    expect(finalStateOf('execution', { type: 'execution:error', data: { code: 'cancelled' } })).toBe(
      'aborted',
    )
    expect(finalStateOf('execution', { type: 'execution:error', data: { code: 'budget' } })).toBe('errored')
  })

  it.each([null, undefined, 7, 'text', [], {}, { state: 'running' }, { state: 'completed' }])(
    'the terminal event of a job means errored if its data %j does not name a state',
    (data) => {
      expect(finalStateOf('job', { type: 'error', data })).toBe('errored')
    },
  )

  it('no other event is a terminal event', () => {
    for (const kind of runKinds) {
      for (const type of ['output', 'run:started', 'result', '']) {
        expect(finalStateOf(kind, { type, data: { state: 'completed' } })).toBeUndefined()
      }
    }
    expect(finalStateOf('session', { type: 'complete', data: {} })).toBeUndefined()
  })
})

describe('runSchema', () => {
  const run = {
    id: 'c2a9a6f4-9f1c-4c36-9f83-0f9b0c1f6a11',
    kind: 'job',
    project: 'web',
    owner: 'ann',
    state: 'queued',
    outcome: null,
    spec: { tool: 'count' },
    attempt: 0,
    createdAt: 1,
    startedAt: null,
    finishedAt: null,
    result: null,
    error: null,
    usage: null,
    head: 1,
    retryOf: null,
    resumes: null,
    forkOf: null,
  }

  it('the schema of a run accepts a run, and an error with more than a message', () => {
    expect(runSchema.parse(run)).toEqual(run)
    const errored = { ...run, state: 'errored', error: { message: 'no', code: 7 } }
    expect(runSchema.parse(errored)).toEqual(errored)
  })

  it('the schema of a run removes internal fields', () => {
    expect(runSchema.parse({ ...run, process: { pid: 1 }, node: 'n', cause: 'abort' })).toEqual(run)
  })

  it.each([
    ['a row id', { id: '17' }],
    ['an unknown kind', { kind: 'task' }],
    ['an unknown state', { state: 'done' }],
    ['a negative head', { head: -1 }],
    ['an attempt that is no integer', { attempt: 0.5 }],
    ['an error without a message', { error: {} }],
    ['a missing owner', { owner: undefined }],
  ])('the schema of a run refuses %s', (_what, change) => {
    expect(runSchema.safeParse({ ...run, ...change }).success).toBe(false)
  })

  it('exactly the final states count as final', () => {
    expect(runStates.filter(isFinal)).toEqual([...finalStates])
  })
})
