/** What happens to an owner whose runs take more than they may. Time is the test's. */
import { ManualClock } from '@millrace/test-support/manual-clock'
import { until } from '@millrace/test-support/until'
import { expect, it } from 'vitest'
import { externalKind } from '#runners/external/kind'
import type { RunsParts } from '#runs/runs'
import type { Store } from '#store/store'
import {
  ann,
  bob,
  expectNothingUnhandled,
  expectWholeLog,
  openRig,
  type Rig,
  root,
  startJob,
  untilOver,
  untilState,
} from './support/rig.ts'

expectNothingUnhandled()

const ownerBytesMax = 100_000

async function openServer(parts: Partial<RunsParts> = {}): Promise<{ clock: ManualClock; rig: Rig }> {
  const clock = new ManualClock(1_000_000)
  const rig = await openRig({ parts: { ownerBytesMax, after: clock.after, ...parts } })
  return { clock, rig }
}

/** Writes this many bytes into the log of a run. */
async function write({ runner }: Rig, id: string, bytes: number): Promise<void> {
  for (let left = bytes; left > 0; left -= 4000)
    await runner.context(id).emit([{ type: 'output', data: { line: 'x'.repeat(Math.min(left, 4000)) } }])
}

async function begin(rig: Rig, principal = ann): Promise<string> {
  const { id } = await startJob(rig.runs, {}, principal)
  await untilState(rig.runs, id, 'running')
  return id
}

it('a run that writes beyond the quota of its owner is ended with a named cause within a second', async () => {
  const { clock, rig } = await openServer()
  const id = await begin(rig)
  await write(rig, id, 90_000)
  await clock.advance(1000)
  expect((await rig.runs.get(id, ann)).state).toBe('running')
  await write(rig, id, 30_000)
  await clock.advance(1000)
  const over = await untilOver(rig.runs, id)
  expect(over).toMatchObject({
    state: 'errored',
    outcome: 'failure',
    error: {
      code: 'quota_exceeded',
      message: expect.stringMatching(
        /^The runs of ann take 1\d\d\.\d KiB of the 97\.7 KiB that limits\.ownerBytes/,
      ),
    },
  })
  expect(await rig.store.getRun(id)).toMatchObject({ cause: 'quota' })
  await expectWholeLog(rig.store, id)
  expect(rig.logged.filter((line) => line.includes('takes more than the quota'))).toHaveLength(1)
})

it('the runs of others, and those that write nothing, are not ended', async () => {
  const { clock, rig } = await openServer()
  const [silent, flood, other] = [await begin(rig), await begin(rig), await begin(rig, bob)]
  await clock.advance(1000)
  await Promise.all([write(rig, flood, 120_000), write(rig, other, 50_000)])
  await clock.advance(1000)
  expect((await untilOver(rig.runs, flood)).state).toBe('errored')
  for (const id of [silent, other]) expect((await rig.runs.get(id, root)).state).toBe('running')
})

it('an owner beyond the quota starts no run, resumes and retries none, until old ones are deleted', async () => {
  const { clock, rig } = await openServer()
  const id = await begin(rig)
  await write(rig, id, 120_000)
  await clock.advance(1000)
  await untilOver(rig.runs, id)
  const quota = { code: 'quota_exceeded', status: 507 }
  await expect(startJob(rig.runs)).rejects.toMatchObject(quota)
  await expect(rig.runs.retry(id, ann)).rejects.toMatchObject(quota)
  // It is the owner's quota, whoever that is.
  await startJob(rig.runs, {}, root)
  await rig.store.deleteRun(id)
  expect((await startJob(rig.runs)).state).toBe('queued')
})

it('an external run whose producer writes beyond the quota is ended, and its next batch is refused', async () => {
  const { clock, rig } = await openServer({ kinds: [externalKind({ projects: new Map() })] })
  const { run } = await rig.runs.start({ kind: 'external', title: 'Nightly' }, ann)
  const batch = { events: Array.from({ length: 40 }, () => ({ type: 'note', data: 'x'.repeat(3000) })) }
  await rig.runs.produce(run.id, batch, ann)
  await clock.advance(1000)
  expect(await untilOver(rig.runs, run.id)).toMatchObject({ state: 'errored' })
  const log = await expectWholeLog(rig.store, run.id)
  expect(log.at(-1)).toMatchObject({ type: 'execution:error', data: { code: 'quota' } })
  await expect(rig.runs.produce(run.id, batch, ann)).rejects.toMatchObject({ code: 'run_over' })
})

it('an idle server sets no timer for the quota, and one without a quota counts nothing', async () => {
  let asked = 0
  const timers: number[] = []
  const parts = (max: number | undefined): Partial<RunsParts> => ({
    ownerBytesMax: max,
    after: (ms) => {
      timers.push(ms)
      return () => {}
    },
  })
  const between = (store: Store): Store => ({
    ...store,
    ownerBytes: (owner) => {
      asked += 1
      return store.ownerBytes(owner)
    },
  })
  const quiet = await openRig({ parts: parts(ownerBytesMax), between })
  expect(timers).toEqual([])
  const without = await openRig({ parts: parts(undefined), between })
  const id = await begin(without)
  await write(without, id, 9000)
  expect([timers, asked]).toEqual([[], 0])
  await begin(quiet)
  await until(() => (timers.length === 1 ? timers : null))
})
