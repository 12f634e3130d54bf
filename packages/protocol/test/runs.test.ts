import { describe, expect, it } from 'vitest'
import {
  canMove,
  eventTypePattern,
  finalStateOf,
  finalStates,
  isFinal,
  openStates,
  type RunState,
  runKinds,
  runStates,
  terminalType,
} from '#index'
import { runSchema } from '#schemas/index'

const order: RunState[] = ['queued', 'starting', 'running']

describe('canMove', () => {
  it.each(finalStates)('lets nothing leave %s', (from) => {
    expect(runStates.filter((to) => canMove(from, to))).toEqual([])
  })

  it.each(openStates)('lets a %s run end in any way, and otherwise go one step forward', (from) => {
    const next = order[order.indexOf(from) + 1]
    const expected = [...(next === undefined ? [] : [next]), ...finalStates]
    expect(runStates.filter((to) => canMove(from, to))).toEqual(expected)
  })
})

describe('the terminal event', () => {
  it('is what the contract says, for every kind and final state', () => {
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

  it('has a type an SSE frame can carry', () => {
    for (const kind of runKinds) {
      for (const state of finalStates) expect(terminalType(kind, state)).toMatch(eventTypePattern)
    }
  })

  it('leads back to the state it was written for, when its data names the state', () => {
    for (const kind of runKinds) {
      for (const state of finalStates) {
        expect(finalStateOf(kind, { type: terminalType(kind, state), data: { state } })).toBe(state)
      }
    }
  })

  it('tells a cancelled execution from a failed one by its code', () => {
    expect(finalStateOf('execution', { type: 'execution:error', data: { code: 'cancelled' } })).toBe(
      'aborted',
    )
    expect(finalStateOf('execution', { type: 'execution:error', data: { code: 'budget' } })).toBe('errored')
  })

  it.each([null, undefined, 7, 'text', [], {}, { state: 'running' }, { state: 'completed' }])(
    'of a job is an error when its data %j does not say which',
    (data) => {
      expect(finalStateOf('job', { type: 'error', data })).toBe('errored')
    },
  )

  it('is not any other event', () => {
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
  }

  it('takes a run, and an error with more than a message', () => {
    expect(runSchema.parse(run)).toEqual(run)
    const errored = { ...run, state: 'errored', error: { message: 'no', code: 7 } }
    expect(runSchema.parse(errored)).toEqual(errored)
  })

  it('leaves out what only the inside may know', () => {
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
  ])('refuses %s', (_what, change) => {
    expect(runSchema.safeParse({ ...run, ...change }).success).toBe(false)
  })

  it('calls exactly the final states final', () => {
    expect(runStates.filter(isFinal)).toEqual([...finalStates])
  })
})
