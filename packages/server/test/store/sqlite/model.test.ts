import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { completed, line, newRun } from '@millrace/store-conformance/material'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { databasePath } from '#store/sqlite/database'
import { openSqliteStore } from '#store/sqlite/store'
import type { Store } from '#store/store'

const full = process.env.MILLRACE_TEST_FULL !== undefined

/** A model of a store without disk, thread or time: it does the operations of a test at once. */
class Model {
  readonly runs: {
    id: string
    state: string
    attempt: number
    cause: boolean
    texts: string[]
    firstSeq: number
  }[] = []

  create(id: string): string {
    this.runs.push({ id, state: 'queued', attempt: 0, cause: false, texts: ['queued'], firstSeq: 1 })
    return 'created'
  }

  claim(limit: number): string {
    if (this.runs.filter((run) => run.state === 'starting').length >= limit) return 'null'
    const run = this.runs.find((run) => run.state === 'queued' && !run.cause)
    if (run === undefined) return 'null'
    run.state = 'starting'
    run.attempt += 1
    return run.id
  }

  write(index: number, attempt: number, texts: string[], state?: string): string {
    const run = this.runs[index]
    if (run === undefined || run.state === 'deleted') return 'not_found'
    if (run.state === 'completed') return 'run_over'
    if (run.attempt !== attempt) return 'stale_attempt'
    run.state = state ?? run.state
    run.texts.push(...texts)
    return `${run.texts.length - texts.length + 1}..${run.texts.length}`
  }

  end(index: number): string {
    const run = this.runs[index]
    if (run === undefined || run.state === 'deleted') return 'null'
    run.cause ||= run.state !== 'completed'
    return `${run.cause}`
  }

  prune(index: number, through: number): string {
    const run = this.runs[index]
    if (run === undefined || run.state === 'deleted') return 'not_found'
    const before = run.firstSeq
    run.firstSeq = Math.max(before, Math.min(through, run.texts.length) + 1)
    return `${run.firstSeq - before}`
  }

  /** A deleted run keeps its place in the list, so that the indexes of the other runs do not change. */
  remove(index: number): string {
    const run = this.runs[index]
    if (run === undefined || run.state === 'deleted') return 'null'
    if (run.state !== 'completed') return 'run_open'
    run.state = 'deleted'
    return `${run.texts.length + 1 - run.firstSeq}`
  }

  expendable(events: number): { runId: string; throughSeq: number }[] {
    return this.runs
      .filter((run) => run.state !== 'deleted' && run.texts.length + 1 - run.firstSeq > events)
      .map((run) => ({ runId: run.id, throughSeq: run.texts.length - events }))
  }
}

type Step =
  | { op: 'create' }
  | { op: 'claim'; limit: number }
  | { op: 'append'; run: number; attempt: number; sizes: number[] }
  | { op: 'finish'; run: number; attempt: number }
  | { op: 'end'; run: number }
  | { op: 'prune'; run: number; through: number }
  | { op: 'delete'; run: number }
  | { op: 'reclaim' }

const run = fc.nat(3)
const attempt = fc.oneof({ weight: 8, arbitrary: fc.constant(1) }, { weight: 3, arbitrary: fc.nat(2) })
const size = fc.oneof(
  { weight: 20, arbitrary: fc.nat(40) },
  { weight: 1, arbitrary: fc.integer({ min: 90_000, max: 300_000 }) },
)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ op: fc.constant('create') }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('claim'), limit: fc.integer({ min: 1, max: 3 }) }) },
  {
    weight: 10,
    arbitrary: fc.record({
      op: fc.constant('append'),
      run,
      attempt,
      sizes: fc.array(size, { maxLength: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('finish'), run, attempt }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('end'), run }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('prune'), run, through: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('delete'), run }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('reclaim') }) },
) as fc.Arbitrary<Step>

const look = fc.record({
  run,
  after: fc.nat(40),
  maxBytes: fc.nat(2000),
  maxEvents: fc.integer({ min: 1, max: 20 }),
})
/** Submits steps without waiting, so that they share batches, then checks their results. */
const round = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 12 }),
  looks: fc.array(look, { maxLength: 3 }),
})

let texts = 0
function textOf(length: number): string {
  texts += 1
  return texts + 'é'.repeat(length)
}

/** Does a step in both; returns the model's result and a promise of the store's. */
function perform(store: Store, model: Model, step: Step): { expected: string; actual: Promise<string> } {
  const idOf = (index: number): string => model.runs[index]?.id ?? randomUUID()
  switch (step.op) {
    case 'create': {
      const fresh = newRun({ queued: line('queued') })
      const actual = store.createRun(fresh).then(({ created }) => (created ? 'created' : 'known'))
      return { expected: model.create(fresh.id), actual }
    }
    case 'claim': {
      const actual = store
        .claim({ kind: 'job', limit: step.limit, node: 'here' })
        .then((run) => run?.id ?? 'null')
      return { expected: model.claim(step.limit), actual }
    }
    case 'append': {
      const own = step.sizes.map(textOf)
      const events = own.map((text) => line(text))
      const actual = store.append(idOf(step.run), step.attempt, events)
      return {
        expected: model.write(step.run, step.attempt, own),
        actual: actual.then(({ firstSeq, lastSeq }) => `${firstSeq}..${lastSeq}`),
      }
    }
    case 'finish': {
      const actual = store.finish(idOf(step.run), step.attempt, { ...completed(), event: line('over') })
      return {
        expected: model.write(step.run, step.attempt, ['over'], 'completed'),
        actual: actual.then(({ head }) => `${head}..${head}`),
      }
    }
    case 'end': {
      const actual = store.requestEnd(idOf(step.run), 'abort')
      return {
        expected: model.end(step.run),
        actual: actual.then((run) => (run === null ? 'null' : `${run.cause !== null}`)),
      }
    }
    case 'prune': {
      const actual = store.prune(idOf(step.run), step.through)
      return { expected: model.prune(step.run, step.through), actual: actual.then((events) => `${events}`) }
    }
    case 'delete': {
      const actual = store.deleteRun(idOf(step.run))
      return { expected: model.remove(step.run), actual: actual.then((events) => `${events}`) }
    }
    case 'reclaim':
      // All the other checks verify that it changes nothing visible.
      return { expected: 'done', actual: store.reclaim().then(() => 'done') }
    default:
      return step satisfies never
  }
}

async function expectSameLog(
  store: Store,
  model: Model,
  look: { run: number; after: number; maxBytes: number; maxEvents: number },
) {
  const run = model.runs[look.run]
  if (run === undefined) return
  const { after, maxBytes, maxEvents } = look
  const page = await store.readAfter(run.id, { after, maxBytes, maxEvents })
  if (run.state === 'deleted') {
    expect(page).toBeNull()
    return
  }
  const expected: { seq: number; json: string }[] = []
  let bytes = 0
  for (let seq = Math.max(after + 1, run.firstSeq); seq <= run.texts.length; seq += 1) {
    const { json } = line(run.texts[seq - 1] ?? '')
    expected.push({ seq, json })
    bytes += Buffer.byteLength(json)
    if (bytes > maxBytes || expected.length === maxEvents) break
  }
  expect(page?.events.map(({ seq, json }) => ({ seq, json }))).toEqual(expected)
  expect(page?.bounds).toMatchObject({
    firstSeq: run.firstSeq,
    head: run.texts.length,
    closed: run.state === 'completed',
  })
}

/** Once all space is reclaimed, the database has rows of existing runs and of nothing else. */
async function expectNothingLeft(store: Store, model: Model, dataDir: string): Promise<void> {
  while ((await store.reclaim()).more);
  const db = new DatabaseSync(databasePath(dataDir), { readOnly: true })
  try {
    const left = db.prepare(`SELECT count(*) AS n FROM batches LEFT JOIN runs ON n = run
      WHERE n IS NULL OR last_seq < runs.first_seq`)
    expect(left.get()).toEqual({ n: 0 })
    expect(db.prepare('SELECT count(*) AS n FROM discarded').get()).toEqual({ n: 0 })
    const kept = model.runs.filter((run) => run.state !== 'deleted').length
    expect(db.prepare('SELECT count(*) AS n FROM details').get()).toEqual({ n: kept })
  } finally {
    db.close()
  }
}

test('whatever is interleaved, the store does what a list in memory would', {
  timeout: 600_000,
}, async () => {
  const property = fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: 8 }), async (rounds) => {
    const dataDir = mkdtempSync(join(tmpdir(), 'millrace-store-'))
    let store = await openSqliteStore({ dataDir })
    const model = new Model()
    try {
      for (const { steps, looks } of rounds) {
        const performed = steps.map((step) => perform(store, model, step))
        const actual = await Promise.all(performed.map(({ actual }) => actual.catch((error) => error.code)))
        expect(actual).toEqual(performed.map(({ expected }) => expected))
        for (const look of looks) await expectSameLog(store, model, look)
        const { found } = await store.expendable({ finishedBefore: null, events: 5 }, null)
        expect(found.map(({ runId, throughSeq }) => ({ runId, throughSeq }))).toEqual(model.expendable(5))
      }
      await expectNothingLeft(store, model, dataDir)
      await store.close()
      store = await openSqliteStore({ dataDir })
      for (const index of model.runs.keys()) {
        await expectSameLog(store, model, { run: index, after: 0, maxBytes: 1e9, maxEvents: 1e9 })
      }
    } finally {
      await store.close()
      rmSync(dataDir, { recursive: true, force: true })
    }
  })
  await fc.assert(property, { numRuns: full ? 300 : 15 })
})
