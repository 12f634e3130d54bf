/**
 * sqlite-lines-process.ts <folder> <lines>: how fast bare `node:sqlite` stores lines of output that are
 * there already, a transaction for every 256 KiB, which is what a row of Millrace's log holds at most.
 */
import { markedLine } from '../printer/marker.ts'
import { openBare } from './bare-sqlite.ts'

const [folder = '', lines = '1'] = process.argv.slice(2)
const groupBytes = 256 * 1024
const bare = openBare(folder)
const text = markedLine(1, 50)

const startedAt = performance.now()
let bytes = 0
bare.begin.run()
for (let seq = 1; seq <= Number(lines); seq++) {
  const json = `{"line":"${text}","timestamp":${Date.now()},"stream":"stdout"}`
  bare.insert.run(1, seq, Date.now(), 'output', json)
  bytes += json.length
  if (bytes >= groupBytes) {
    bare.commit.run()
    bare.begin.run()
    bytes = 0
  }
}
bare.commit.run()
console.log(JSON.stringify({ seconds: (performance.now() - startedAt) / 1000 }))
bare.db.close()
