import { randomUUID } from 'node:crypto'
import { completed, line, newRun, readAll, runningRun, upTo } from '@millrace/store-conformance/material'
import { expect, onTestFinished, test } from 'vitest'
import { Retention, type RetentionParts } from '#retention/retention'
import type { Credential } from '#store/credentials'
import { openMemoryStore } from '#store/memory/store'
import type { Store } from '#store/store'

const day = 86_400_000
const now = 100 * day

function retentionOf(store: RetentionParts['store'], rule: RetentionParts['rule'] = { days: 30 }) {
  const lines: unknown[] = []
  const log = { info: (...told: unknown[]) => void lines.push(told) }
  return { retention: new Retention({ store, rule, now: () => now, log }), lines }
}

const open = () => {
  const store = openMemoryStore()
  onTestFinished(() => store.close())
  return store
}

/** A run with `lines` + 3 events that was over so many days ago. */
async function overRun(store: Store, daysAgo: number, lines = 0): Promise<string> {
  const id = await runningRun(store)
  await store.append(
    id,
    1,
    upTo(lines).map((n) => line(`${n}`)),
  )
  await store.finish(id, 1, completed(null, now - daysAgo * day))
  return id
}

test('runs that ended longer ago than configured are deleted, and nothing else, with one log line', async () => {
  const store = open()
  const [old, young] = [await overRun(store, 30.5, 7), await overRun(store, 29.5)]
  const running = await runningRun(store)
  const { retention, lines } = retentionOf(store)
  expect(await retention.prune({ dryRun: true })).toEqual({ runs: 1, events: 10 })
  expect(await store.getRun(old)).not.toBeNull()
  expect(lines).toEqual([])
  const pruned = { runs: 1, events: 10, bytes: 0 }
  expect(await retention.prune()).toEqual(pruned)
  expect(lines).toEqual([[pruned, 'pruned']])
  expect(await store.getRun(old)).toBeNull()
  for (const id of [young, running]) expect(await store.getRun(id)).not.toBeNull()
  expect(await retention.prune()).toEqual({ runs: 0, events: 0, bytes: 0 })
  expect(lines).toHaveLength(1)
})

test('a log keeps its events while a question is open, since only they say what it asks', async () => {
  const store = open()
  const id = await runningRun(store)
  const question = { id: randomUUID(), expiresAt: now + day, call: 'c', event: line('may I?') }
  await store.requestApproval(id, 1, question)
  await store.append(
    id,
    1,
    upTo(20).map((n) => line(`${n}`)),
  )
  const before = await readAll(store, id)
  const { retention } = retentionOf(store, { days: 30, events: 5 })
  expect(await retention.prune()).toMatchObject({ runs: 0, events: 0 })
  expect(await readAll(store, id)).toEqual(before)
  await store.answerApproval(id, question.id, { decision: 'allow', by: 'person', user: 'ann', at: now })
  await retention.prune()
  expect(await readAll(store, id)).toHaveLength(5)
})

test('only the newest events of each log are kept, the terminal one always', async () => {
  const store = open()
  const over = await overRun(store, 1, 20)
  const running = await runningRun(store)
  await store.append(
    running,
    1,
    upTo(20).map((n) => line(`${n}`)),
  )
  const { retention } = retentionOf(store, { days: 30, events: 5 })
  expect(await retention.prune()).toMatchObject({ runs: 0, events: 18 + 17 })
  expect((await readAll(store, over)).map(({ seq }) => seq)).toEqual(upTo(23, 19))
  expect((await readAll(store, running)).map(({ seq }) => seq)).toEqual(upTo(22, 18))
  expect(await retention.prune({ events: 1 })).toMatchObject({ events: 8 })
  expect((await readAll(store, over)).map(({ type }) => type)).toEqual(['complete'])
  expect(await store.bounds(over)).toMatchObject({ firstSeq: 23, head: 23, closed: true })
  expect(await store.append(running, 1, [line('on')])).toEqual({ firstSeq: 23, lastSeq: 23 })
})

// Seen failing with the turn not kept, and with a failed pass left in it.
test('concurrent prunes run one after another, even after one that failed', async () => {
  const store = open()
  await overRun(store, 31)
  const order: string[] = []
  const { retention } = retentionOf({
    ...store,
    expendable: (...asked) => {
      order.push('begins')
      return store.expendable(...asked)
    },
    reclaim: async () => {
      await new Promise((resolve) => setTimeout(resolve, 20))
      order.push('ends')
      if (order.length < 5) throw new Error('no room')
      return store.reclaim()
    },
  })
  const passes = await Promise.allSettled([retention.prune(), retention.prune(), retention.prune()])
  expect(passes.map(({ status }) => status)).toContain('rejected')
  expect(passes.at(-1)?.status).toBe('fulfilled')
  const begun = order.filter((step, index) => step === 'ends' || order[index - 1] !== 'begins')
  expect(begun).toEqual(['begins', 'ends', 'begins', 'ends', 'begins', 'ends'])
})

test('each value of a request overrides the configured one', async () => {
  const store = open()
  const [a, b] = [await overRun(store, 5, 10), await overRun(store, 0, 10)]
  const { retention } = retentionOf(store, { days: 30, events: 10 })
  expect(await retention.prune({ days: 3, dryRun: true })).toEqual({ runs: 1, events: 13 + 3 })
  expect(await retention.prune({ events: 12, dryRun: true })).toEqual({ runs: 0, events: 2 })
  expect(await retention.prune({ days: 0 })).toMatchObject({ runs: 1, events: 16 })
  expect([await store.getRun(a), (await store.getRun(b))?.id]).toEqual([null, b])
})

test('expired credentials are deleted, and no others', async () => {
  const store = open()
  const base = { kind: 'token', user: 'ada', admin: false, createdAt: 1, revokedAt: null, usedAt: null }
  const rest = { parent: null, path: null } as const
  for (const [hash, expiresAt] of [
    ['lasting', null],
    ['valid', now + 1],
    ['expired', now - 1],
  ] as const) {
    await store.credentials.add({ ...base, ...rest, id: randomUUID(), expiresAt } as Credential, hash)
  }
  await retentionOf(store).retention.prune()
  const found = await Promise.all(['lasting', 'valid', 'expired'].map((one) => store.credentials.find(one)))
  expect(found.map((one) => one !== null)).toEqual([true, true, false])
})

test('thousands of runs are deleted in pieces, with appends in between, and each is announced', async () => {
  const store = open()
  const finish = completed(null, 1)
  const old = upTo(2500).map(() => newRun())
  await Promise.all(old.flatMap((run) => [store.createRun(run), store.finish(run.id, 0, finish)]))
  const running = await runningRun(store)
  const deleted = new Set<string>()
  store.onCommit(({ change, runId }) => change === 'deleted' && deleted.add(runId))
  let over = false
  const pass = retentionOf(store)
    .retention.prune()
    .finally(() => {
      over = true
    })
  const between: number[] = []
  while (!over) {
    await store.append(running, 1, [line('x')])
    between.push(deleted.size)
  }
  expect(await pass).toMatchObject({ runs: 2500, events: 5000 })
  expect(deleted).toEqual(new Set(old.map(({ id }) => id)))
  // The numbers differ at each look: no append had to wait for the whole deletion.
  expect(new Set(between).size).toBeGreaterThan(10)
})

test('a stopped pass ends after its piece, and the next one does the rest', async () => {
  const store = open()
  const ids = []
  for (const _ of upTo(60)) ids.push(await overRun(store, 40))
  const { retention } = retentionOf({
    ...store,
    deleteRun: (id) => {
      retention.stop()
      return store.deleteRun(id)
    },
  })
  await expect(retention.prune()).rejects.toMatchObject({ code: 'draining' })
  const left = (await store.listRuns({ limit: 100 })).runs.length
  expect(left).toBe(10)
  await expect(retention.prune()).rejects.toMatchObject({ code: 'draining' })
  expect(await retentionOf(store).retention.prune()).toMatchObject({ runs: 10 })
})

test('two concurrent prunes delete nothing twice', async () => {
  const store = open()
  for (const _ of upTo(5)) await overRun(store, 40)
  const { retention } = retentionOf(store)
  const both = await Promise.all([retention.prune(), retention.prune()])
  expect(both.map(({ runs }) => runs)).toEqual([5, 0])
  // Not even by two programs.
  for (const _ of upTo(5)) await overRun(store, 40)
  const two = await Promise.all([retention.prune({ events: 1 }), retentionOf(store).retention.prune()])
  expect((two[0]?.runs ?? 0) + (two[1]?.runs ?? 0)).toBe(5)
})

test('what the disk keeps of a run goes with it, also when nothing else is to be deleted', async () => {
  const store = open()
  const [old, young] = [await overRun(store, 31), await overRun(store, 1)]
  const kept = new Set([old, young, randomUUID()])
  const homes = { list: () => [...kept], forget: (runId: string) => void kept.delete(runId) }
  const retention = new Retention({ store, rule: { days: 30 }, now: () => now, kept: [homes] })
  await retention.prune({ dryRun: true })
  expect(kept.size).toBe(3)
  await retention.prune()
  expect([...kept]).toEqual([young])
})
