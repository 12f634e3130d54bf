/**
 * sqlite-lines-process.ts <folder> <lines> <group>: how fast bare `node:sqlite` stores lines of output that
 * are there already, a transaction for every group of them.
 */
import { markedLine } from '../printer/marker.ts'
import { openBare } from './bare-sqlite.ts'

const [folder = '', lines = '1', group = '1'] = process.argv.slice(2)
const bare = openBare(folder)
const text = markedLine(1, 50)

const startedAt = performance.now()
bare.begin.run()
for (let seq = 1; seq <= Number(lines); seq++) {
  const json = `{"line":"${text}","timestamp":${Date.now()},"stream":"stdout"}`
  bare.insert.run(1, seq, Date.now(), 'output', json)
  if (seq % Number(group) === 0) {
    bare.commit.run()
    bare.begin.run()
  }
}
bare.commit.run()
console.log(JSON.stringify({ seconds: (performance.now() - startedAt) / 1000 }))
bare.db.close()
