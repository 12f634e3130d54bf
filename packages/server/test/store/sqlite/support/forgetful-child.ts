/**
 * A program for tests to kill: starts, ends, prunes and deletes runs of a store without end, and writes
 * a line to stdout for all that was acknowledged. Ends when its stdin does.
 */
import { randomUUID } from 'node:crypto'
import { writeSync } from 'node:fs'
import { completed, line, newRun, upTo } from '@millrace/store-conformance/material'
import { openSqliteStore } from '#store/sqlite/store'

const say = (message: object): void => {
  writeSync(1, `${JSON.stringify(message)}\n`)
}
process.stdin.on('end', () => process.exit(0)).resume()

const store = await openSqliteStore({ dataDir: process.argv[2] ?? '' })
const large = 'x'.repeat(150_000)

async function live(): Promise<void> {
  const { id } = newRun({ id: randomUUID() })
  await store.createRun(newRun({ id }))
  for (const n of upTo(5)) {
    const { lastSeq } = await store.append(id, 0, [line(`${n}`), line(large), line(`${n}`)])
    say({ id, head: lastSeq })
    if (n % 2 === 0) {
      await store.prune(id, lastSeq - 4)
      say({ id, firstSeq: lastSeq - 3 })
    }
  }
  if (Math.random() < 0.3) return
  await store.finish(id, 0, completed())
  say({ id, deleting: true })
  await store.deleteRun(id)
  say({ id, deleted: true })
}

async function forever(work: () => Promise<unknown>): Promise<void> {
  for (;;) await work()
}

void forever(live)
void forever(live)
void forever(() => store.reclaim())
