import { MillraceError } from '@millrace/protocol'
import { ManualClock } from '@millrace/test-support/manual-clock'
import { expect, test } from 'vitest'
import type { Pruned } from '#retention/retention'
import { firstSweepMs, startSweeper, sweepIntervalMs } from '#retention/sweeper'

function rig(prune: () => Promise<Pruned> = async () => ({ runs: 0, events: 0, bytes: 0 })) {
  const clock = new ManualClock()
  const sweeps: number[] = []
  const warnings: unknown[] = []
  const retention = {
    prune: () => {
      sweeps.push(clock.now())
      return prune()
    },
  }
  const stop = startSweeper({
    retention,
    log: { warn: (...told: unknown[]) => void warnings.push(told) },
    after: (ms, callback) => clock.after(ms, callback),
  })
  return { clock, sweeps, warnings, stop, settle: () => new Promise((resolve) => setImmediate(resolve)) }
}

test('the first sweep is a minute after the start, the next ones follow every hour, until the stop', async () => {
  const { clock, sweeps, stop, settle } = rig()
  clock.advance(firstSweepMs - 1)
  expect(sweeps).toEqual([])
  clock.advance(1)
  await settle()
  clock.advance(sweepIntervalMs)
  await settle()
  expect(sweeps).toEqual([firstSweepMs, firstSweepMs + sweepIntervalMs])
  stop()
  expect(clock.pending).toBe(0)
})

test('a failed sweep is logged and repeated; one that a shutdown cut short is not a failure', async () => {
  let error = new Error('the disk')
  const { clock, sweeps, warnings, stop, settle } = rig(() => Promise.reject(error))
  clock.advance(firstSweepMs)
  await settle()
  expect(warnings).toEqual([[{ err: error }, expect.stringContaining('retrying')]])
  error = new MillraceError('draining', 'later')
  clock.advance(sweepIntervalMs)
  await settle()
  expect(sweeps).toHaveLength(2)
  expect(warnings).toHaveLength(1)
  stop()
})

test('a long sweep is not joined by another, and leaves no timer after the stop', async () => {
  const { promise, resolve } = Promise.withResolvers<Pruned>()
  const { clock, sweeps, stop, settle } = rig(() => promise)
  clock.advance(firstSweepMs + 3 * sweepIntervalMs)
  expect(sweeps).toHaveLength(1)
  stop()
  resolve({ runs: 0, events: 0 })
  await settle()
  expect(clock.pending).toBe(0)
})
