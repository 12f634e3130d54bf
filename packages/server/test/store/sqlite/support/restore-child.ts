/** A program for tests to kill: restores two backups in turn into a data directory, without end. */
import { writeSync } from 'node:fs'
import { restore } from '#store/sqlite/upkeep/restore'

const [dataDir = '', one = '', other = ''] = process.argv.slice(2)
process.stdin.on('end', () => process.exit(0)).resume()
let at = Date.now()
for (;;) {
  for (const file of [one, other]) {
    at += 1
    restore(dataDir, file, at)
    writeSync(1, `restored ${file}\n`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
