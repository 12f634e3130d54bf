/**
 * Keeps the unit tests quick: one that starts a process or a thread (the SQLite store is two) fails, and belongs
 * among the system tests.
 */
import childProcess from 'node:child_process'
import { syncBuiltinESMExports } from 'node:module'
import workerThreads from 'node:worker_threads'

const refuse = (what: string) => () => {
  throw new Error(`a unit test starts ${what}: name the file *.system.test.ts (see CONTRIBUTING.md)`)
}

for (const name of ['exec', 'execFile', 'execFileSync', 'execSync', 'fork', 'spawn', 'spawnSync'] as const) {
  Object.assign(childProcess, { [name]: refuse('a process') })
}
Object.assign(workerThreads, {
  Worker: class {
    constructor() {
      refuse('a thread')()
    }
  },
})
syncBuiltinESMExports()
