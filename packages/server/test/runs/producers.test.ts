/** Runs whose producer falls silent: when they end, and when they must not. Time is the test's. */
import { ManualClock } from '@millrace/test-support/manual-clock'
import { expect, it } from 'vitest'
import { externalKind } from '#runners/external/kind'
import { emptyTables, type MemoryTables } from '#store/memory/tables'
import type { Store, StoreStatus } from '#store/store'
import { ann, expectNothingUnhandled, expectWholeLog, openRig, type Rig } from './support/rig.ts'

expectNothingUnhandled()

const leaseSeconds = 60

async function openServer(
  clock: ManualClock,
  { tables, between }: { tables?: MemoryTables; between?: (store: Store) => Store } = {},
): Promise<Rig> {
  return openRig({
    ...(tables === undefined ? {} : { tables }),
    ...(between === undefined ? {} : { between }),
    parts: { kinds: [externalKind({ projects: new Map() })], now: clock.now, after: clock.after },
  })
}

async function begin({ runs }: Rig, given: object = {}): Promise<string> {
  return (await runs.start({ kind: 'external', title: 'Nightly', leaseSeconds, ...given }, ann)).run.id
}

const stateOf = async ({ runs }: Rig, id: string) => (await runs.get(id, ann)).state

/** A server that is up is asked for the time once a second. */
async function pass(clock: ManualClock, seconds: number): Promise<void> {
  for (let n = 0; n < seconds; n++) {
    await clock.advance(1000)
    // The store answers in its own turns of the event loop.
    for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
}

it('a run whose producer is silent for its lease is interrupted, and one whose producer speaks is not', async () => {
  const clock = new ManualClock(1_000_000)
  const rig = await openServer(clock)
  const [silent, alive] = [await begin(rig), await begin(rig)]
  await pass(clock, 40)
  await rig.runs.produce(alive, { events: [] }, ann)
  await pass(clock, 40)
  expect([await stateOf(rig, silent), await stateOf(rig, alive)]).toEqual(['interrupted', 'running'])
  expect(await rig.store.getRun(silent)).toMatchObject({ state: 'interrupted', cause: 'crash' })
  const log = await expectWholeLog(rig.store, silent)
  expect(log.at(-1)).toMatchObject({ type: 'execution:interrupted' })
})

it('a batch that arrives while the run is being found silent keeps the run alive', async () => {
  const clock = new ManualClock(1_000_000)
  let found = async (): Promise<void> => {}
  const rig = await openServer(clock, {
    between: (store) => ({
      ...store,
      listSilent: async (before) => {
        const silent = await store.listSilent(before)
        if (silent.length > 0) await found()
        return silent
      },
    }),
  })
  const id = await begin(rig)
  let batches = 0
  found = async () => {
    batches += 1
    await rig.runs.produce(id, { events: [{ type: 'a' }] }, ann)
  }
  await pass(clock, 62)
  expect(batches).toBe(1)
  expect(await rig.store.getRun(id)).toMatchObject({ state: 'running', cause: null })
  found = async () => {}
  await pass(clock, 62)
  expect(await stateOf(rig, id)).toBe('interrupted')
})

it('a lease that ended while the server was down leaves the producer its whole lease from the start on', async () => {
  const clock = new ManualClock(1_000_000)
  const tables = emptyTables()
  const first = await openServer(clock, { tables })
  const [back, gone] = [await begin(first), await begin(first)]
  await first.close()
  // Killed, in effect: nothing was written about the runs.
  await clock.advance(3_600_000)
  const second = await openServer(clock, { tables })
  await pass(clock, 50)
  expect([await stateOf(second, back), await stateOf(second, gone)]).toEqual(['running', 'running'])
  await second.runs.produce(back, { events: [{ type: 'a' }] }, ann)
  await pass(clock, 20)
  expect([await stateOf(second, back), await stateOf(second, gone)]).toEqual(['running', 'interrupted'])
})

it('a lease that ends just after a restart counts from the restart, too, and so does each further restart', async () => {
  const clock = new ManualClock(1_000_000)
  const tables = emptyTables()
  let rig = await openServer(clock, { tables })
  const id = await begin(rig)
  for (let restart = 0; restart < 3; restart++) {
    await pass(clock, 55)
    await rig.close()
    rig = await openServer(clock, { tables })
  }
  await pass(clock, 55)
  expect(await stateOf(rig, id)).toBe('running')
  await pass(clock, 10)
  expect(await stateOf(rig, id)).toBe('interrupted')
})

it('time for which the machine slept does not count against a producer', async () => {
  const clock = new ManualClock(1_000_000)
  const rig = await openServer(clock)
  const id = await begin(rig)
  await pass(clock, 5)
  // One look, an hour late.
  await clock.advance(3_600_000)
  await pass(clock, 50)
  expect(await stateOf(rig, id)).toBe('running')
  await pass(clock, 20)
  expect(await stateOf(rig, id)).toBe('interrupted')
})

it('time for which the disk is full, when no batch can be written, does not count against a producer', async () => {
  const clock = new ManualClock(1_000_000)
  let status: StoreStatus = { kind: 'ok' }
  const rig = await openServer(clock, { between: (store) => ({ ...store, status: () => status }) })
  const id = await begin(rig)
  status = { kind: 'full', message: 'full' }
  await pass(clock, 300)
  status = { kind: 'ok' }
  await pass(clock, 50)
  expect(await stateOf(rig, id)).toBe('running')
  await pass(clock, 20)
  expect(await stateOf(rig, id)).toBe('interrupted')
})

it.each(['full', 'away'] as const)(
  'a producer elsewhere is refused at once while the store is %s, since it will repeat its batch, and its own batch waits',
  async (kind) => {
    const clock = new ManualClock(1_000_000)
    let status: StoreStatus = { kind: 'ok' }
    const rig = await openServer(clock, { between: (store) => ({ ...store, status: () => status }) })
    const id = await begin(rig)
    status = { kind, message: 'not now' }
    const batch = { events: [{ type: 'a' }], producer: 'p', seq: 0 }
    await expect(rig.runs.produce(id, batch, ann, { mayWait: false })).rejects.toMatchObject({
      code: `storage_${kind}`,
      message: 'not now',
    })
    expect(await rig.runs.produce(id, batch, ann)).toMatchObject({ firstSeq: 3, duplicate: false })
    status = { kind: 'ok' }
    expect(await rig.runs.produce(id, batch, ann, { mayWait: false })).toMatchObject({ duplicate: true })
  },
)

it.each(['full', 'away'] as const)(
  'the end of a run from elsewhere is refused at once while the store is %s, and is taken when it is repeated later',
  async (kind) => {
    const clock = new ManualClock(1_000_000)
    let status: StoreStatus = { kind: 'ok' }
    const rig = await openServer(clock, { between: (store) => ({ ...store, status: () => status }) })
    const id = await begin(rig)
    const finish = () => rig.runs.finish(id, { state: 'completed' }, ann, { mayWait: false })
    status = { kind, message: 'not now' }
    await expect(finish()).rejects.toMatchObject({ code: `storage_${kind}`, message: 'not now' })
    expect(await stateOf(rig, id)).toBe('running')
    status = { kind: 'ok' }
    expect(await finish()).toMatchObject({ state: 'completed' })
    status = { kind, message: 'not now' }
    expect(await finish()).toMatchObject({ state: 'completed' })
  },
)

it('a run under the id of a deleted one belongs to its own owner alone', async () => {
  const rig = await openServer(new ManualClock(1_000_000))
  const id = await begin(rig)
  await rig.runs.produce(id, { events: [{ type: 'a' }] }, ann)
  await rig.runs.finish(id, { state: 'completed' }, ann)
  await rig.store.deleteRun(id)
  const bob = { user: 'bob', admin: false }
  await rig.runs.ensure(id, { kind: 'external', title: 'Another' }, bob)
  const batch = { events: [{ type: 'b' }] }
  await expect(rig.runs.produce(id, batch, ann)).rejects.toMatchObject({ code: 'not_found' })
  expect(await rig.runs.produce(id, batch, bob)).toMatchObject({ firstSeq: 3 })
})

it('a silent run that cannot be ended does not keep the others alive', async () => {
  const clock = new ManualClock(1_000_000)
  let bad: string | null = null
  const rig = await openServer(clock, {
    between: (store) => ({
      ...store,
      requestEnd: (id, cause) =>
        id === bad ? Promise.reject(new Error('a bad row')) : store.requestEnd(id, cause),
      finishSilent: (id, ...rest) =>
        id === bad ? Promise.reject(new Error('a bad row')) : store.finishSilent(id, ...rest),
    }),
  })
  bad = await begin(rig)
  const other = await begin(rig)
  await pass(clock, 65)
  expect([await stateOf(rig, bad), await stateOf(rig, other)]).toEqual(['running', 'interrupted'])
  expect(rig.logged.join('')).toContain('a bad row')
})
