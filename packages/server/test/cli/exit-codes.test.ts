import { describe, expect, it } from 'vitest'
import { exitCodeOfEvent } from '#cli/exit-codes'
import { complete } from './scripted-server.ts'

describe('the exit code of a run', () => {
  it.each<[string, object, number]>([
    ['the one of its program', { exitCode: 3 }, 3],
    ['0', { exitCode: 0 }, 0],
    ['128 and the signal that ended it', { exitCode: null, signal: 'SIGKILL' }, 137],
    [
      '124 when it took too long, whatever ended it',
      { exitCode: null, signal: 'SIGTERM', timedOut: true },
      124,
    ],
    ['1 when nobody knows', { exitCode: null }, 1],
    ['1 for a signal nobody knows', { exitCode: null, signal: 'SIGODD' }, 1],
  ])('the exit code of a job that ended is %s', (_text, change, code) => {
    expect(exitCodeOfEvent('job', complete(9, change))).toBe(code)
  })

  it.each([
    ['errored', 1],
    ['aborted', 130],
    ['interrupted', 75],
  ])('the exit code of a job that was %s is %d', (state, code) => {
    expect(exitCodeOfEvent('job', { type: 'error', data: { message: 'x', state } })).toBe(code)
  })

  it('the exit code of other kinds follows their final state', () => {
    expect(exitCodeOfEvent('session', { type: 'completed', data: {} })).toBe(0)
    expect(exitCodeOfEvent('session', { type: 'interrupted', data: {} })).toBe(75)
    expect(exitCodeOfEvent('execution', { type: 'execution:error', data: { code: 'cancelled' } })).toBe(130)
  })

  it('there is no exit code before the terminal event', () => {
    expect(exitCodeOfEvent('job', { type: 'output', data: { line: 'complete' } })).toBeUndefined()
    expect(exitCodeOfEvent('session', { type: 'complete', data: {} })).toBeUndefined()
  })
})
