/**
 * sqlite-appends-process.ts <folder> <runs> <seconds>: bare `node:sqlite` with the same durability and the
 * same batching, one transaction for all that waits. It stands on one thread and checks nothing.
 */

import { measureAppends } from './appending.ts'
import { openBare } from './bare-sqlite.ts'

const [folder = '', runs = '1', seconds = '1'] = process.argv.slice(2)
const bare = openBare(folder)
const heads = new Array<number>(Number(runs)).fill(0)
let waiting: { run: number; json: string; resolve: () => void }[] = []

function commit(): void {
  const batch = waiting
  waiting = []
  bare.begin.run()
  for (const { run, json } of batch) {
    const seq = (heads[run] ?? 0) + 1
    heads[run] = seq
    bare.insert.run(run, seq, Date.now(), 'output', json)
  }
  bare.commit.run()
  for (const { resolve } of batch) resolve()
}

await measureAppends(Number(runs), Number(seconds), (run, json) => {
  const { promise, resolve } = Promise.withResolvers<void>()
  if (waiting.length === 0) setImmediate(commit)
  waiting.push({ run, json, resolve })
  return promise
})
bare.db.close()
