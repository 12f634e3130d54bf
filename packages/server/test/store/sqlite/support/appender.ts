/**
 * A program for tests to kill: appends to three runs of a store without end, and writes a line to
 * stdout for every event that was acknowledged. Ends when its stdin does, or when the store fails.
 */
import { randomUUID } from 'node:crypto'
import { writeSync } from 'node:fs'
import { openSqliteStore } from '#store/sqlite/store'

const say = (message: object): void => {
  writeSync(1, `${JSON.stringify(message)}\n`)
}
process.stdin.on('end', () => process.exit(0)).resume()

const store = await openSqliteStore({
  dataDir: process.argv[2] ?? '',
  onFatal: (error) => {
    say({ fatal: error.message, status: store.status().kind })
    // Once more after the failure: this must be refused.
    store.append(ids[0] ?? '', 0, [{ at: 1, type: 'output', json: '"late"' }]).then(
      () => process.exit(70),
      (refusal) => {
        say({ refused: refusal.code })
        process.exit(7)
      },
    )
  },
})

const ids = [randomUUID(), randomUUID(), randomUUID()]
await Promise.all(ids.map(start))

async function start(id: string): Promise<void> {
  await store.createRun({
    id,
    kind: 'job',
    project: null,
    owner: 'ada',
    spec: {},
    createdAt: 1,
    retryOf: null,
    resumes: null,
    exclusive: false,
    queued: { at: 1, type: 'run:queued', json: '{}' },
    idempotency: null,
  })
  say({ id, seq: 1 })
  // Two appends are always under way, the second of them larger than a row.
  await Promise.all([appendForever(id, 3, 20), appendForever(id, 2, 140_000)])
}

async function appendForever(id: string, count: number, length: number): Promise<void> {
  for (;;) {
    const events = Array.from({ length: count }, () => ({
      at: 2,
      type: 'output',
      json: JSON.stringify('x'.repeat(length)),
    }))
    try {
      const { firstSeq, lastSeq } = await store.append(id, 0, events)
      for (let seq = firstSeq; seq <= lastSeq; seq += 1) say({ id, seq })
    } catch {
      return
    }
  }
}
