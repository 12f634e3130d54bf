import { ManualClock } from '@millrace/test-support/manual-clock'
import { until } from '@millrace/test-support/until'
import { describe, expect, test } from 'vitest'
import { CursorReset, Delivery } from '#delivery/delivery'
import { localWakeups } from '#wakeups/local'
import { Wakeups } from '#wakeups/wakeups'
import { expectNothingLeft } from './support/leftovers.ts'
import { MemoryLog } from './support/memory-log.ts'

expectNothingLeft()

function setUp(count: number, options: { pageBytes?: number } = {}) {
  const log = new MemoryLog()
  log.create('run')
  if (count > 0) log.appendMany('run', count, 20)
  const clock = new ManualClock()
  const all = new Wakeups([localWakeups(log)])
  const listening = new Set<object>()
  const wakeups: Pick<Wakeups, 'listen'> = {
    listen(runId, listener) {
      const stop = all.listen(runId, listener)
      listening.add(listener)
      return () => {
        listening.delete(listener)
        stop()
      }
    },
  }
  const delivery = new Delivery({
    store: log,
    wakeups,
    clock,
    batchBytes: options.pageBytes ?? 200,
  })
  return { log, clock, delivery, listening }
}

async function collect(events: AsyncIterable<{ seq: number }>, into: number[] = []): Promise<number[]> {
  for await (const { seq } of events) into.push(seq)
  return into
}
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)

describe('a follower inside the process', () => {
  test('an iterator reads from its cursor, continues live, and ends after the terminal event', async () => {
    const { log, delivery } = setUp(40)
    const seen: number[] = []
    const done = collect(delivery.iterate('run', { after: 7 }), seen)
    await until(() => seen.length === 33)
    for (let n = 0; n < 10; n++) log.appendMany('run', 3, 5)
    log.append('run', [{ type: 'complete', data: null }], true)
    expect(await done).toEqual(range(8, 71))
    expect(await collect(delivery.iterate('run', { after: 71 }))).toEqual([])
    expect(await collect(delivery.iterate('run', {}))).toEqual(range(1, 71))
    expect(delivery.stats().iterators).toBe(0)
  })

  test('an iterator reads a page only when its consumer asks', async () => {
    const { log, delivery } = setUp(1000)
    const events = delivery.iterate('run', {})[Symbol.asyncIterator]()
    await events.next()
    for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve))
    expect(log.pagesRead).toBe(1)
    await events.return?.()
    expect(delivery.stats().iterators).toBe(0)
  })

  test('an iterator with types yields those and the terminal event', async () => {
    const { log, delivery } = setUp(3)
    log.append('run', [
      { type: 'note', data: 1 },
      { type: 'output', data: 2 },
    ])
    log.append('run', [{ type: 'complete', data: 1 }], true)
    expect(await collect(delivery.iterate('run', { types: ['note'] }))).toEqual([4, 6])
  })

  test('an iterator throws when its cursor cannot be served, at the start or midway', async () => {
    const { log, delivery } = setUp(50)
    await expect(collect(delivery.iterate('run', { after: 99 }))).rejects.toThrow(CursorReset)
    await expect(collect(delivery.iterate('run', { after: -1 }))).rejects.toThrow(/invalid/)
    await expect(collect(delivery.iterate('nothing', {}))).rejects.toMatchObject({ code: 'not_found' })
    const events = delivery.iterate('run', {})[Symbol.asyncIterator]()
    await events.next()
    log.prune('run', 40)
    const rest = (async () => {
      while (!(await events.next()).done);
    })()
    await expect(rest).rejects.toMatchObject({ reset: { reason: 'pruned', firstSeq: 41, head: 50 } })
    expect(await collect(delivery.iterate('run', { signal: AbortSignal.abort() }))).toEqual([])
    expect(delivery.stats().iterators).toBe(0)
  })

  test('an iterator ends without an error when its signal is aborted', async () => {
    const { delivery } = setUp(3)
    const controller = new AbortController()
    const seen: number[] = []
    const done = collect(delivery.iterate('run', { signal: controller.signal }), seen)
    await until(() => seen.length === 3)
    controller.abort()
    expect(await done).toEqual([1, 2, 3])
    expect(delivery.stats().iterators).toBe(0)
  })

  test('an iterator misses nothing when wake-ups are lost', async () => {
    const { log, delivery, clock } = setUp(3)
    const seen: number[] = []
    const done = collect(delivery.iterate('run', {}), seen)
    await until(() => seen.length === 3)
    log.hints = () => {}
    log.append('run', [{ type: 'complete', data: 1 }], true)
    clock.advance(15_000)
    expect(await done).toEqual([1, 2, 3, 4])
    expect(clock.pending).toBe(0)
  })

  test('an iterator yields what the log has when delivery drains, and nothing more once it closes', async () => {
    const { log, delivery, listening } = setUp(3)
    const seen: number[] = []
    const done = collect(delivery.iterate('run', {}), seen)
    await until(() => seen.length === 3)
    log.hints = () => {}
    log.appendMany('run', 100, 20)
    await delivery.drain(1000)
    expect(await done).toEqual(range(1, 103))
    expect(await collect(delivery.iterate('run', { after: 100 }))).toEqual([101, 102, 103])
    delivery.close()
    expect(listening.size).toBe(0)
  })
})
