/** A thread that always has a read under way: each begins before the one before it ends. */

import { DatabaseSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'

const open = () => new DatabaseSync(String(workerData.path), { readOnly: true })
const readers = [open(), open()]
let stopped = false
parentPort?.once('message', () => {
  stopped = true
})

function begin(db: DatabaseSync | undefined): void {
  db?.exec('BEGIN')
  db?.prepare('SELECT count(*) FROM t').get()
}

begin(readers[0])
parentPort?.postMessage('reading')
for (let n = 1; !stopped; n += 1) {
  begin(readers[n % 2])
  await new Promise((resolve) => setTimeout(resolve, 2))
  readers[(n + 1) % 2]?.exec('COMMIT')
  await turn()
}
for (const db of readers) db.close()
