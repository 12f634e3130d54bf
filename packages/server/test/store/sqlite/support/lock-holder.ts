/** A program for tests to kill: takes the lock of a data directory, or says why not, and waits for its stdin to end. */
import { acquireDataDirLock } from '#store/sqlite/upkeep/lock'

process.stdin.on('end', () => process.exit(0)).resume()
try {
  acquireDataDirLock(process.argv[2] ?? '')
  console.log('held')
} catch (error) {
  console.log(error instanceof Error ? error.message : error)
}
