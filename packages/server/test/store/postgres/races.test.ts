/** One database opened twice: whatever the two do at once, no rule of a run is broken. */
import { randomUUID } from 'node:crypto'
import {
  completed,
  line,
  newApproval,
  newRun,
  readAll,
  runningRun,
  upTo,
} from '@millrace/store-conformance/material'
import { describe, expect, test } from 'vitest'
import type { RunRecord, Store } from '#store/store'
import { serverUrl, testDatabase } from './support/database.ts'

const full = process.env.MILLRACE_TEST_FULL !== undefined

/** Numbers from 0 to 1 that depend on the seed alone (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  return list
    .map((item) => ({ item, key: random() }))
    .sort((one, other) => one.key - other.key)
    .map(({ item }) => item)
}

/** Starts all steps in a random order, some of them a few turns of the event loop later, so that batches differ. */
async function race<T>(
  steps: readonly (() => Promise<T>)[],
  random: () => number,
): Promise<PromiseSettledResult<T>[]> {
  const late = async (step: () => Promise<T>) => {
    for (let turns = Math.floor(random() * 4); turns > 0; turns -= 1)
      await new Promise((done) => setImmediate(done))
    return step()
  }
  return Promise.allSettled(shuffled(steps, random).map(late))
}

const codesOf = (settled: readonly PromiseSettledResult<unknown>[]) =>
  settled.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []))
const won = <T>(settled: readonly PromiseSettledResult<T>[]): T[] =>
  settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))

/** One run for each round, on which both stores do everything that can race, all at once. */
async function raceRuns(
  stores: readonly [Store, Store],
  rounds: readonly number[],
  random: () => number,
): Promise<void> {
  const [a, b] = stores
  const runs = await Promise.all(
    rounds.map(async (round) => {
      const id = await runningRun(a)
      const approval = newApproval()
      await b.requestApproval(id, 1, approval)
      const answers: Promise<unknown>[] = []
      const finishes: Promise<unknown>[] = []
      return { round, id, approval, answers, finishes, appended: [] as { seq: number; text: string }[] }
    }),
  )
  const steps = runs.flatMap(({ round, id, approval, answers, finishes, appended }) => {
    const append = (store: Store, text: string) => async () => {
      const { firstSeq } = await store.append(id, 1, [line(text)])
      appended.push({ seq: firstSeq, text })
    }
    const answer = (store: Store, user: string) =>
      store.answerApproval(id, approval.id, { decision: 'allow', by: 'person', user, at: 5_000 })
    return [
      ...upTo(4).map((n) => append(stores[n % 2] ?? a, `${round}:${n}`)),
      () => a.append(id, 0, [line('stale')]),
      ...stores.map((store, n) => () => noted(answers, answer(store, `user ${n}`))),
      ...stores.map((store, n) => () => noted(finishes, store.finish(id, 1, completed(n)))),
      () => b.requestEnd(id, 'abort'),
    ]
  })
  const settled = await race<unknown>(steps, random)
  for (const code of codesOf(settled))
    expect(['run_over', 'stale_attempt', 'already_answered']).toContain(code)
  await Promise.all(
    runs.map(async ({ id, answers, finishes, appended }) => {
      expect(won(await Promise.allSettled(finishes))).toHaveLength(1)
      expect(won(await Promise.allSettled(answers)).length).toBeLessThanOrEqual(1)
      const log = await readAll(random() < 0.5 ? a : b, id)
      expect(log.map(({ seq }) => seq)).toEqual(upTo(log.length))
      expect(log.filter(({ type }) => type === 'complete')).toHaveLength(1)
      expect(log.at(-1)?.type).toBe('complete')
      for (const { seq, text } of appended) expect(log[seq - 1]?.json).toBe(line(text).json)
      expect(log.filter(({ type }) => type === 'output')).toHaveLength(appended.length)
      expect(log.filter(({ type }) => type === 'permission:resolved')).toHaveLength(1)
    }),
  )
}

const roundsAtOnce = 20

/** Sessions of one project, creations under one key, and claims: each round has a project, a key and nodes of its own. */
async function raceStarts(stores: readonly Store[], round: number): Promise<void> {
  const random = randomFrom(round)
  const at = (n: number) => stores[n % 2] as Store
  const project = `p${round}`
  const session = newRun({ kind: 'session', exclusive: true, project })
  const sessions = race(
    upTo(6).map((n) => () => at(n).createRun({ ...session, id: randomUUID() })),
    random,
  )
  const idempotency = { key: `k${round}`, fingerprint: 'f' }
  const executions = race(
    upTo(6).map((n) => () => at(n).createRun(newRun({ kind: 'execution', idempotency }))),
    random,
  )
  expect(won(await sessions)).toHaveLength(1)
  expect(new Set(codesOf(await sessions))).toEqual(new Set(['project_busy']))
  const keyed = won(await executions)
  expect(keyed).toHaveLength(6)
  expect(keyed.filter(({ created }) => created)).toHaveLength(1)
  expect(new Set(keyed.map(({ run }) => run.id)).size).toBe(1)
  const node = (n: number) => `node ${round} ${n % 2}`
  await Promise.all(upTo(8).map((n) => at(n).createRun(newRun({ project }))))
  const claims = await race(
    upTo(16).map((n) => () => at(n).claim({ kind: 'job', limit: 5, node: node(n), projects: [project] })),
    random,
  )
  const claimed: RunRecord[] = won(claims).flatMap((run) => run ?? [])
  expect(codesOf(claims)).toEqual([])
  expect(claimed.length).toBeGreaterThan(0)
  expect(new Set(claimed.map(({ id }) => id)).size).toBe(claimed.length)
  for (const n of [0, 1]) expect(claimed.filter((run) => run.node === node(n)).length).toBeLessThanOrEqual(5)
  await Promise.all(claimed.map(({ id }, n) => at(n).finish(id, 1, completed())))
}

describe.skipIf(serverUrl === null)('one database opened twice', () => {
  test('of everything that races on a run, its log has what was acknowledged, once, up to one terminal event', {
    timeout: 3_600_000,
  }, async () => {
    const database = await testDatabase()
    const stores = [await database.open(), await database.open()] as const
    const rounds = full ? 10_000 : 150
    const random = randomFrom(1)
    // Rounds at once share round trips and batches, as the runs of a node do; how many varies, and so do the batches.
    for (let round = 0; round < rounds; ) {
      const count = Math.min(rounds - round, 1 + Math.floor(random() * 40))
      await raceRuns(stores, upTo(round + count, round + 1), random)
      round += count
    }
  })

  test('a project has one exclusive run, a key names one run, and a queued run is claimed once', {
    timeout: 1_200_000,
  }, async () => {
    const database = await testDatabase()
    const stores = [await database.open(), await database.open()]
    const rounds = full ? 2_000 : 40
    for (let first = 1; first <= rounds; first += roundsAtOnce)
      await Promise.all(
        upTo(Math.min(rounds, first + roundsAtOnce - 1), first).map((round) => raceStarts(stores, round)),
      )
  })

  test('two nodes that write the same many runs at once do not lock each other out', {
    timeout: 600_000,
  }, async () => {
    const database = await testDatabase()
    const stores = [await database.open(), await database.open()]
    const ids = await Promise.all(upTo(40).map(() => runningRun(stores[0] as Store)))
    const random = randomFrom(7)
    for (let turn = 0; turn < (full ? 300 : 25); turn += 1) {
      await Promise.all(
        stores.map((store, n) =>
          Promise.all([
            ...shuffled(ids, random).map((id) => store.append(id, 1, [line(`${turn} ${n}`)])),
            // Sends the batch the slow way, every other time.
            ...(turn % 2 === n ? [store.appendTranscript(ids[turn % 40] ?? '', 1, [])] : []),
          ]),
        ),
      )
    }
    for (const id of ids) {
      const log = await readAll(stores[1] as Store, id)
      expect(log.map(({ seq }) => seq)).toEqual(upTo(2 + 2 * (full ? 300 : 25)))
    }
  })
})

async function noted<T>(list: Promise<unknown>[], promise: Promise<T>): Promise<T> {
  list.push(promise)
  return promise
}
