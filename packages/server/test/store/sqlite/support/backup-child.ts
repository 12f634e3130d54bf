/** A program for tests to kill: backs up a data directory again and again, and writes a line for each backup. */
import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { backUp } from '#store/sqlite/upkeep/backup'

const [dataDir = '', to = ''] = [process.argv[2], process.argv[3]]
process.stdin.on('end', () => process.exit(0)).resume()
for (let n = 1; ; n += 1) {
  writeSync(1, `began ${n}\n`)
  backUp(dataDir, join(to, `${n}.db`))
  writeSync(1, `done ${n}\n`)
  await new Promise((resolve) => setImmediate(resolve))
}
