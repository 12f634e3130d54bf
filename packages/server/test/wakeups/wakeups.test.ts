/** A throwaway source of wake-ups that treats them badly: it loses, delays and repeats them. */
import { ManualClock } from '@millrace/test-support/manual-clock'
import { until } from '@millrace/test-support/until'
import { expect, onTestFinished, test } from 'vitest'
import { MemoryLog } from '#test/delivery/support/memory-log'
import { open } from '#test/delivery/support/sse-client'
import { startStreamServer } from '#test/delivery/support/stream-server'
import { localWakeups } from '#wakeups/local'
import { type Wakeup, type WakeupSink, type WakeupSource, Wakeups } from '#wakeups/wakeups'

/** Stands for a message bus, which carries the commits of other nodes, and no events. */
class UnreliableBus implements WakeupSource {
  lossy = false
  opened = 0
  readonly #log: MemoryLog
  #sink: WakeupSink | null = null
  #count = 0
  #late: Wakeup[] = []

  constructor(log: MemoryLog) {
    this.#log = log
  }

  open(sink: WakeupSink): () => void {
    this.#sink = sink
    this.opened += 1
    const stop = this.#log.onCommit(({ runId, change, head, closed }) =>
      this.#carry({ runId, head, closed, deleted: change === 'deleted', events: [] }),
    )
    return () => {
      stop()
      this.opened -= 1
      this.#sink = null
    }
  }

  /** Delivers everything that was delayed, newest first, long after it was sent. */
  catchUp(): void {
    for (const wakeup of this.#late.splice(0).reverse()) this.#sink?.wake(wakeup)
  }

  /** The connection to the bus was down and is back. */
  reconnected(): void {
    this.#sink?.gap()
  }

  #carry(wakeup: Wakeup): void {
    this.#count += 1
    if (!this.lossy) this.#sink?.wake(wakeup)
    else if (this.#count % 3 === 0) this.#late.push(wakeup)
    else if (this.#count % 3 === 1) {
      this.#sink?.wake(wakeup)
      this.#sink?.wake(wakeup)
    }
  }
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)

/** The one line of composition is the list of sources. */
async function follow(sources: (log: MemoryLog, bus: UnreliableBus) => WakeupSource[], followers = 3) {
  const log = new MemoryLog()
  log.create('run')
  const bus = new UnreliableBus(log)
  const clock = new ManualClock()
  const wakeups = new Wakeups(sources(log, bus))
  onTestFinished(() => wakeups.close())
  const { url, delivery } = await startStreamServer({ log, wakeups, delivery: { clock } })
  const clients = await Promise.all(Array.from({ length: followers }, () => open(`${url}/run`)))
  await until(() => delivery.stats().followers === followers)
  return { log, bus, clock, clients, delivery, wakeups }
}

test('followers lose nothing to a source that loses, delays and repeats wake-ups, and each event comes once', async () => {
  const { log, bus, clock, clients } = await follow((_log, unreliable) => [unreliable])
  bus.lossy = true
  for (let n = 1; n <= 40; n++) {
    log.appendMany('run', (n % 3) + 1, 20)
    if (n % 5 === 0) await new Promise((resolve) => setImmediate(resolve))
    if (n % 11 === 0) bus.catchUp()
  }
  bus.catchUp()
  bus.lossy = false
  log.appendMany('run', 1, 20)
  const head = log.events('run').length
  await Promise.all(clients.map((client) => client.until(({ ids }) => ids.length === head)))
  // The last one is lost altogether: only the recheck after a silence finds it.
  log.hints = () => {}
  log.append('run', [{ type: 'complete', data: 1 }], true)
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(clients.map(({ ended }) => ended)).toEqual([false, false, false])
  clock.advance(15_000)
  for (const client of clients) expect((await client.end()).ids).toEqual(range(1, head + 1))
})

test('a source that reports a gap has every follower and iterator look at the store at once', async () => {
  const { log, bus, clients, delivery } = await follow((_log, unreliable) => [unreliable])
  const iterated: number[] = []
  const iterating = (async () => {
    for await (const { seq } of delivery.iterate('run')) iterated.push(seq)
  })()
  log.appendMany('run', 2, 10)
  await until(() => iterated.length === 2)
  log.hints = () => {}
  log.appendMany('run', 3, 10)
  log.append('run', [{ type: 'complete', data: 1 }], true)
  bus.reconnected()
  for (const client of clients) expect((await client.end()).ids).toEqual(range(1, 6))
  await iterating
  expect(iterated).toEqual(range(1, 6))
})

test('two sources that speak of the same commits cost nothing twice, and no event comes twice', async () => {
  const { log, clients } = await follow((own, bus) => [localWakeups(own), bus])
  for (let n = 0; n < 20; n++) log.appendMany('run', 2, 20)
  log.append('run', [{ type: 'complete', data: 1 }], true)
  for (const client of clients) expect((await client.end()).ids).toEqual(range(1, 41))
  expect(log.pagesRead).toBe(0)
})

test('closing the wake-ups stops every source once, and later wake-ups reach nobody', async () => {
  const log = new MemoryLog()
  log.create('run')
  const bus = new UnreliableBus(log)
  const wakeups = new Wakeups([bus, localWakeups(log)])
  const heard: number[] = []
  const stop = wakeups.listen('run', { woken: ({ head }) => heard.push(head), recheck: () => heard.push(0) })
  log.appendMany('run', 1, 1)
  expect([heard, bus.opened, log.listeners.size]).toEqual([[1, 1], 1, 2])
  wakeups.close()
  wakeups.close()
  expect([bus.opened, log.listeners.size]).toEqual([0, 0])
  wakeups.wake({ runId: 'run', head: 2, closed: false, deleted: false, events: [] })
  wakeups.gap()
  stop()
  expect(heard).toEqual([1, 1])
})

test('a wake-up reaches the listeners of its run and no others', () => {
  const wakeups = new Wakeups([])
  const heard: string[] = []
  const listener = (name: string) => ({
    woken: () => heard.push(name),
    recheck: () => heard.push(`${name}?`),
  })
  const stops = [
    wakeups.listen('a', listener('a1')),
    wakeups.listen('a', listener('a2')),
    wakeups.listen('b', listener('b')),
  ]
  const wake = (runId: string) => wakeups.wake({ runId, head: 1, closed: false, deleted: false, events: [] })
  wake('a')
  stops[0]?.()
  stops[0]?.()
  wake('a')
  wake('c')
  wakeups.gap()
  expect(heard).toEqual(['a1', 'a2', 'a2', 'a2?', 'b?'])
})
