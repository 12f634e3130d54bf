/**
 * What the next server must know after a crash: a list, as JSON in one file of the data directory. There is no file
 * while the list is empty. Written beside and renamed into place, so that a reader finds the list before or after
 * a change and nothing between; what cannot be read counts as empty.
 */
import { readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { entryAt } from '#paths'

export class Journal<Entry> {
  readonly #path: string
  readonly #isEntry: (value: unknown) => value is Entry

  constructor(path: string, isEntry: (value: unknown) => value is Entry) {
    this.#path = path
    this.#isEntry = isEntry
  }

  read(): Entry[] {
    try {
      const entries: unknown = JSON.parse(readFileSync(this.#path, 'utf8'))
      return Array.isArray(entries) ? entries.filter(this.#isEntry) : []
    } catch {
      return []
    }
  }

  write(entries: readonly Entry[]): void {
    if (entries.length === 0) {
      if (entryAt(this.#path) !== null) unlinkSync(this.#path)
      return
    }
    writeFileSync(`${this.#path}.new`, JSON.stringify(entries), { mode: 0o600 })
    renameSync(`${this.#path}.new`, this.#path)
  }
}
