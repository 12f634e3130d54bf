/**
 * Which run an editor's session has come to: an editor gets the id of a session before there is a run. A session may also be
 * named by the id of a run.
 *
 * Owns: a small file of this user. Invariant: it is replaced as a whole.
 */
import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { z } from 'zod'

const sessionsMax = 1000
const schema = z.record(z.string(), z.string())

export class Bindings {
  readonly #file: string

  constructor(file: string) {
    this.#file = file
  }

  runOf(sessionId: string): string {
    return this.#read()[sessionId] ?? sessionId
  }

  /** The newest ones are kept. */
  bind(sessionId: string, runId: string): void {
    const { [sessionId]: _before, ...others } = this.#read()
    const all = [...Object.entries(others), [sessionId, runId] as const].slice(-sessionsMax)
    mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 })
    const fresh = `${this.#file}.${randomUUID()}`
    writeFileSync(fresh, JSON.stringify(Object.fromEntries(all)), { mode: 0o600 })
    renameSync(fresh, this.#file)
  }

  #read(): Record<string, string> {
    try {
      return schema.parse(JSON.parse(readFileSync(this.#file, 'utf8')))
    } catch {
      // Without it, sessions of the past are still known by their runs.
      return {}
    }
  }
}
