import { until } from '@millrace/test-support/until'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nativeDialect } from '#delivery/dialect'
import { FeedRig } from './support/feed-rig.ts'
import { MemoryLog } from './support/memory-log.ts'
import { parseFrames } from './support/sse-client.ts'
import { toyDialect } from './support/toy-dialect.ts'

const runs = process.env.MILLRACE_TEST_FULL === undefined ? 40 : 1000
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
const types = ['output', 'progress', 'note']

/** Delays reads by up to a few turns of the event loop, as the seed says. */
function delays(seed: number): () => Promise<void> {
  let state = seed
  return async () => {
    state = (state * 1103515245 + 12345) % 2147483648
    for (let n = state % 4; n > 0; n--) await turn()
  }
}

test('a follower at any cursor of any log sees exactly the events after it, once, in order, while appends race', async () => {
  const scenario = fc.record({
    before: fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 8 }),
    during: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 12 }),
    ringBytes: fc.constantFrom(1, 3000, 10_000, 100_000),
    totalRingBytes: fc.constantFrom(5000, 1_000_000),
    batchBytes: fc.constantFrom(1, 200, 5000),
    seed: fc.integer({ min: 1, max: 1_000_000 }),
    faults: fc.array(fc.constantFrom('tell', 'tell', 'lose', 'twice', 'late'), {
      minLength: 1,
      maxLength: 20,
    }),
    full: fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }),
    filter: fc.constantFrom<string[] | undefined>(undefined, ['note'], ['output', 'note']),
    dialect: fc.constantFrom(nativeDialect, toyDialect),
  })
  await fc.assert(
    fc.asyncProperty(scenario, async (given) => {
      const log = new MemoryLog()
      log.delay = delays(given.seed)
      log.create('run')
      const rig = new FeedRig(log, given)
      const late: (() => void)[] = []
      let hint = 0
      log.hints = (told, tell) => {
        const fault = given.faults[hint++ % given.faults.length]
        if (fault === 'lose') return
        if (fault === 'late') late.push(() => tell(told))
        else tell(told)
        if (fault === 'twice') tell(told)
      }
      let written = 0
      const append = (count: number, closed: boolean) => {
        const events = Array.from({ length: count }, () => {
          written += 1
          return { type: types[written % 3] ?? '', data: { n: written, text: 'é'.repeat(written % 50) } }
        })
        log.append('run', events, closed)
      }
      for (const count of given.before) append(count, false)
      const start = written
      const cursors = [undefined, ...Array.from({ length: start + 1 }, (_, n) => String(n))]
      let step = 0
      const fullAfterWrite = () => given.full[step++ % given.full.length] ?? false
      const opening = Promise.all(
        cursors.map(async (after) => {
          const options = {
            fullAfterWrite,
            dialect: given.dialect,
            ...(given.filter === undefined ? {} : { types: given.filter }),
          }
          return { after: Number(after ?? 0), followed: await rig.follow('run', after, options) }
        }),
      )
      for (const [index, count] of given.during.entries()) {
        append(count, index === given.during.length - 1)
        if (index % 3 === 0) await turn()
        if (index % 4 === 3) for (const tell of late.splice(0).reverse()) tell()
      }
      const opened = await opening
      for (const tell of late.splice(0).reverse()) tell()
      // A read of the store finds events that no hint announced.
      for (let waited = 0; opened.some(({ followed }) => followed?.sink.over === null); waited++) {
        for (const { followed } of opened) followed?.sink.drain()
        if (waited % 20 === 19) await rig.feeds.recheck()
        await turn()
      }
      const all = log.events('run')
      for (const { after, followed } of opened) {
        const expected = all
          .filter(({ seq, type }) => {
            const passes = given.filter === undefined || given.filter.includes(type) || seq === all.length
            return seq > after && passes
          })
          .map((event) => given.dialect.frames(event, event.seq === all.length))
          .join('')
        if (followed === null) expect(expected).toBe('')
        else {
          expect(followed.sink.text).toBe(expected)
          expect(followed.sink.over).toBe('ended')
        }
      }
      expect(rig.feeds.size).toBe(0)
      expect(rig.budget.bytes).toBe(0)
      rig.wakeups.close()
      expect(log.listeners.size).toBe(0)
    }),
    { numRuns: runs },
  )
})

test("pruning past a follower's cursor sends it a reset, and it continues at the first kept event", async () => {
  const log = new MemoryLog()
  log.create('run')
  log.appendMany('run', 100, 50)
  const rig = new FeedRig(log, { ringBytes: 1, batchBytes: 500 })
  const followed = await rig.follow('run', '0', { fullAfterWrite: () => true })
  await until(() => followed?.sink.backedUp === true)
  const seen = parseFrames(followed?.sink.text ?? '').length
  expect(seen).toBeGreaterThan(0)
  log.prune('run', 90)
  while (parseFrames(followed?.sink.text ?? '').at(-1)?.id !== '100') {
    followed?.sink.drain()
    await turn()
  }
  const frames = parseFrames(followed?.sink.text ?? '')
  const at = frames.findIndex((frame) => frame.event === 'reset')
  expect(frames[at]).toEqual({
    id: null,
    event: 'reset',
    data: '{"reason":"pruned","firstSeq":91,"head":100}',
  })
  expect(frames.slice(at + 1).map((frame) => Number(frame.id))).toEqual([
    91, 92, 93, 94, 95, 96, 97, 98, 99, 100,
  ])
  // Nothing is skipped before the reset either: the events sent are 1, 2, 3 … without a gap.
  expect(frames.slice(0, at).map((frame) => Number(frame.id))).toEqual(
    Array.from({ length: at }, (_, n) => n + 1),
  )
  followed?.follower.finish()
})

test('a wake-up that announces more than can be read neither spins nor ends the stream', async () => {
  const log = new MemoryLog()
  log.create('run')
  log.append('run', [{ type: 'a', data: 1 }])
  const rig = new FeedRig(log)
  const followed = await rig.follow('run', '0')
  await until(() => followed?.follower.cursor === 1)
  for (const listener of log.listeners) {
    listener({ runId: 'run', change: 'updated', head: 9, closed: false, events: [] })
  }
  for (let n = 0; n < 20; n++) await turn()
  expect(log.pagesRead).toBeLessThanOrEqual(2)
  log.append('run', [{ type: 'b', data: 2 }], true)
  await until(() => followed?.sink.over === 'ended')
  expect(parseFrames(followed?.sink.text ?? '').map((frame) => frame.id)).toEqual(['1', '2'])
})

test('a commit between the snapshot of a page and its answer is not overlooked', async () => {
  const log = new MemoryLog()
  log.create('run')
  log.append('run', [{ type: 'a', data: 1 }])
  const rig = new FeedRig(log)
  const followed = await rig.follow('run', '0')
  await until(() => followed?.follower.cursor === 1)
  let delays = 0
  let answer = () => {}
  log.delay = () => {
    delays += 1
    if (delays === 1) return Promise.resolve()
    return new Promise((resolve) => {
      answer = resolve
    })
  }
  for (const listener of log.listeners) {
    listener({ runId: 'run', change: 'updated', head: 2, closed: false, events: [] })
  }
  await until(() => delays === 2)
  log.append('run', [{ type: 'b', data: 2 }])
  log.delay = () => Promise.resolve()
  answer()
  await until(() => followed?.follower.cursor === 2)
  followed?.follower.finish()
})

test('a gap that is reported while the feed looks at the store makes it look again', async () => {
  const log = new MemoryLog()
  log.create('run')
  log.append('run', [{ type: 'a', data: 1 }])
  const rig = new FeedRig(log)
  const followed = await rig.follow('run', '0')
  await until(() => followed?.follower.cursor === 1)
  const answers: (() => void)[] = []
  log.delay = () => new Promise((resolve) => answers.push(resolve))
  rig.wakeups.gap()
  // The first look has taken its snapshot, and its answer is on the way.
  answers.shift()?.()
  await until(() => answers.length === 1)
  log.hints = () => {}
  log.append('run', [{ type: 'b', data: 2 }])
  rig.wakeups.gap()
  rig.wakeups.gap()
  log.delay = () => Promise.resolve()
  const before = log.boundsRead
  answers.shift()?.()
  await until(() => followed?.follower.cursor === 2)
  expect(log.boundsRead - before).toBe(1)
  followed?.follower.finish()
})

test('a heartbeat that fills the sink holds events back until it drains', async () => {
  const log = new MemoryLog()
  log.create('run')
  const rig = new FeedRig(log)
  const followed = await rig.follow('run', '0', { fullAfterWrite: () => true })
  await turn()
  followed?.connection.beat()
  expect(followed?.sink.backedUp).toBe(true)
  expect(followed?.follower.stalledSince).toBe(0)
  log.append('run', [{ type: 'a', data: 1 }])
  followed?.connection.beat()
  await turn()
  expect(followed?.sink.text).toBe(': heartbeat\n\n')
  followed?.sink.drain()
  expect(followed?.follower.stalledSince).toBeNull()
  await until(() => followed?.follower.cursor === 1)
  followed?.follower.finish()
})

test('several commits in one tick are one write per follower', async () => {
  const log = new MemoryLog()
  log.create('run')
  const rig = new FeedRig(log)
  const followed = await Promise.all(Array.from({ length: 5 }, () => rig.follow('run', '0')))
  await turn()
  for (let n = 0; n < 30; n++) log.append('run', [{ type: 'a', data: n }])
  await turn()
  for (const one of followed) {
    expect(parseFrames(one?.sink.text ?? '')).toHaveLength(30)
    expect(one?.sink.writes).toBe(1)
    one?.follower.finish()
  }
  expect(log.pagesRead).toBe(0)
})

test('a thousand followers are served evenly: none receives a second batch before all had their first', async () => {
  const log = new MemoryLog()
  log.create('run')
  const rig = new FeedRig(log, { ringBytes: 1 << 22, totalRingBytes: 1 << 22 })
  let writes = 0
  let spread = 0
  const followed: NonNullable<Awaited<ReturnType<FeedRig['follow']>>>[] = []
  const fullAfterWrite = () => {
    writes += 1
    if (writes % 97 !== 0) return false
    const each = followed.map(({ sink }) => sink.writes)
    spread = Math.max(spread, Math.max(...each) - Math.min(...each))
    return false
  }
  for (let n = 0; n < 1000; n++) {
    const one = await rig.follow('run', '0', { fullAfterWrite })
    if (one !== null) followed.push(one)
  }
  log.appendMany('run', 500, 100)
  await until(() => followed.every(({ follower }) => follower.cursor === 500))
  expect(followed[0]?.sink.writes).toBeGreaterThan(10)
  // The count is taken before the write it interrupts is counted.
  expect(spread).toBeLessThanOrEqual(2)
  expect(log.pagesRead).toBe(0)
  for (const { follower } of followed) follower.finish()
})

test('a deleted run ends its streams', async () => {
  const log = new MemoryLog()
  log.create('run')
  log.append('run', [{ type: 'a', data: 1 }])
  const rig = new FeedRig(log)
  const followed = await rig.follow('run', undefined)
  await until(() => followed?.follower.cursor === 1)
  log.delete('run')
  await until(() => followed?.sink.over === 'ended')
  expect(rig.feeds.size).toBe(0)
})

test('a store that fails during a stream breaks the connection, so that the client comes back', async () => {
  const log = new MemoryLog()
  log.create('run')
  log.appendMany('run', 10, 100)
  const rig = new FeedRig(log, { ringBytes: 1 })
  const followed = await rig.follow('run', '0', { fullAfterWrite: () => true })
  log.failReads = new Error('disk')
  await until(() => followed?.sink.over === 'destroyed')
  expect(rig.counters.readFailures).toBe(1)
  expect(rig.feeds.size).toBe(0)
})

test('followers at one cursor share the reads, and a second replay finds the pages of the first', async () => {
  const log = new MemoryLog()
  log.create('run')
  log.appendMany('run', 100, 100)
  log.delay = turn
  const rig = new FeedRig(log, { ringBytes: 1 })
  const keeper = await rig.follow('run', '100')
  const all = await Promise.all(Array.from({ length: 50 }, () => rig.follow('run', '0')))
  await until(() => all.every((one) => one?.follower.cursor === 100))
  const pages = log.pagesRead
  expect(pages).toBeLessThan(10)
  const again = await rig.follow('run', '0')
  await until(() => again?.follower.cursor === 100)
  expect(log.pagesRead - pages).toBeLessThanOrEqual(1)
  for (const one of [...all, again, keeper]) one?.follower.finish()
})

test('wake-ups without events, as from another node, cost one read for all followers', async () => {
  const log = new MemoryLog()
  log.create('run')
  log.hints = (hint, tell) => tell({ ...hint, events: [] })
  log.delay = turn
  const rig = new FeedRig(log)
  const all = await Promise.all(Array.from({ length: 50 }, () => rig.follow('run', '0')))
  for (let n = 1; n <= 10; n++) {
    log.append('run', [{ type: 'a', data: n }], n === 10)
    await until(() => all.every((one) => one?.follower.cursor === n))
    // A later follower finds it in memory.
    if (n < 10) all.push(await rig.follow('run', '0'))
  }
  await until(() => all.every((one) => one?.sink.over === 'ended'))
  for (const one of all) expect(parseFrames(one?.sink.text ?? '')).toHaveLength(10)
  expect(log.pagesRead).toBe(10)
})
