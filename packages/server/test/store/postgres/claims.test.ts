/** Which runs nodes on one database take: of their projects, once, and no more than all together may have. */
import { newRun, upTo } from '@millrace/store-conformance/material'
import { describe, expect, test } from 'vitest'
import { selectClaimableOf } from '#store/postgres/writer/run-statements'
import { type Database, serverUrl, testDatabase } from './support/database.ts'

const full = process.env.MILLRACE_TEST_FULL !== undefined

describe.skipIf(serverUrl === null)('claims of nodes on one database', () => {
  test('a node takes the oldest run of its own projects, or of none, and no other', async () => {
    const database = await testDatabase()
    const store = await database.open()
    const queued = []
    for (const project of ['web', 'api', null, 'web', 'app'])
      queued.push((await store.createRun(newRun({ kind: 'job', project }))).run.id)
    const take = async (...projects: string[]) =>
      (await store.claim({ kind: 'job', limit: 9, node: 'one', projects }))?.id ?? null
    expect(await take('api')).toBe(queued[1])
    expect(await take('api', 'app')).toBe(queued[2])
    expect(await take('web', 'app')).toBe(queued[0])
    expect(await take('web', 'app')).toBe(queued[3])
    expect(await take('web')).toBeNull()
    expect(await take()).toBeNull()
    expect(await take('app')).toBe(queued[4])
  })

  test('nodes that race for runs take each once, and never have more than all together may', {
    timeout: 1_200_000,
  }, async () => {
    const database = await testDatabase()
    const stores = await Promise.all(upTo(full ? 20 : 4).map((n) => database.open({ node: `node ${n}` })))
    const [first = stores[0]] = stores
    const runs = full ? 10_000 : 200
    const limitOfAll = 8
    for (let left = runs; left > 0; left -= 500) {
      const some = upTo(Math.min(left, 500)).map((n) =>
        first?.createRun(newRun({ kind: 'job', project: `p${n % 10}` })),
      )
      await Promise.all(some)
    }
    const taken: string[] = []
    let over = 0
    const work = async (n: number) => {
      const store = stores[n]
      const projects = upTo(10)
        .map((p) => `p${p - 1}`)
        .concat('p10')
      for (let misses = 0; misses < 200; ) {
        const run = await store?.claim({ kind: 'job', limit: 5, node: `node ${n}`, projects, limitOfAll })
        if (!run) {
          misses += 1
          if (taken.length >= runs) return
          await new Promise((done) => setTimeout(done, Math.random() * 5))
          continue
        }
        misses = 0
        taken.push(run.id)
        const [count] = await database.query<{ active: number }>(
          `SELECT count(*)::int AS active FROM runs WHERE state = 'starting'`,
        )
        if ((count?.active ?? 0) > limitOfAll) over += 1
        await store?.finish(run.id, run.attempt, {
          state: 'completed',
          event: { at: 1, type: 'complete', json: '{}' },
          result: null,
          error: null,
          usage: null,
        })
      }
    }
    await Promise.all(stores.map((_, n) => work(n)))
    expect([taken.length, new Set(taken).size, over]).toEqual([runs, runs, 0])
  })

  test('a claim does not look through the runs that wait for other nodes', { timeout: 600_000 }, async () => {
    const database = await testDatabase()
    const store = await database.open()
    const others = full ? 100_000 : 20_000
    // As after a burst: the statistics know of no run that waits.
    await database.query('ALTER TABLE runs SET (autovacuum_enabled = off)')
    await database.query('ANALYZE runs')
    await database.query(
      `INSERT INTO runs (id, kind, project, owner, state, attempt, created_at, leased)
        SELECT gen_random_uuid(), 'job', 'other ' || (g % 50), 'ada', 'queued', 0, 0, false FROM generate_series(1, $1) g`,
      [others],
    )
    const mine = upTo(20).map((n) => `mine ${n}`)
    for (const project of mine) await store.createRun(newRun({ kind: 'job', project }))
    expect(await passedOver(database, mine)).toBeLessThan(100)
    const times: number[] = []
    for (let left = mine.length; left > 0; left -= 1) {
      const before = performance.now()
      const run = await store.claim({ kind: 'job', limit: 99, node: 'one', projects: mine })
      times.push(performance.now() - before)
      expect(run?.project).toMatch(/^mine/)
    }
    expect(await store.claim({ kind: 'job', limit: 99, node: 'one', projects: mine })).toBeNull()
    times.sort((a, b) => a - b)
    const median = times[Math.floor(times.length / 2)] ?? 0
    console.log(`a claim with ${others} runs queued for others: median ${median.toFixed(1)} ms`)
    // Below 1 ms on a quiet machine.
    expect(median).toBeLessThan(100)
  })
})

/** How many rows a claim looks at and does not want. */
async function passedOver(database: Database, projects: readonly string[]): Promise<number> {
  const { text } = selectClaimableOf
  const literals = ['', ...projects].map((project) => `'${project}'`).join(', ')
  const [row] = await database.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(
    `EXPLAIN (ANALYZE, FORMAT JSON) ${text.replaceAll('$1', "'job'").replaceAll('$2', `ARRAY[${literals}]`)}`,
  )
  const count = (plan: Plan): number =>
    (plan['Rows Removed by Filter'] ?? 0) * plan['Actual Loops'] +
    (plan.Plans ?? []).reduce((sum, part) => sum + count(part), 0)
  const plan = row?.['QUERY PLAN'][0]?.Plan
  if (plan === undefined) throw new Error('no plan')
  return count(plan)
}

interface Plan {
  'Actual Loops': number
  'Rows Removed by Filter'?: number
  Plans?: Plan[]
}
