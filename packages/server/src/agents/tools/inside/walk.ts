/**
 * Walks over a directory in a stable order: by name, a directory before what is in it, and that before the next name.
 *
 * Invariants: no link is followed, so that the walk ends and stays below its start; entries, depth and time are
 * bounded, and what was left out is counted.
 */
import { type Dirent, readdirSync } from 'node:fs'
import { join } from 'node:path'

export interface WalkLimits {
  includeIgnored: boolean
  /** 1: the entries of the directory itself. */
  depthMax: number
  entriesMax: number
  /** Milliseconds. */
  timeMax: number
}

export interface Entry {
  /** Relative to the start. */
  path: string
  dirent: Dirent
}

/** Large, and rarely meant. */
const ignoredNames = ['.git', '.hg', '.svn', 'node_modules']

export class Walk {
  /** Why the walk ended early. */
  cut: 'entries' | 'time' | null = null
  unreadable = 0
  readonly ignored = new Set<string>()
  readonly #root: string
  readonly #limits: WalkLimits
  readonly #deadline: number
  #seen = 0

  constructor(root: string, limits: WalkLimits) {
    this.#root = root
    this.#limits = limits
    this.#deadline = performance.now() + limits.timeMax
  }

  isLate(): boolean {
    if (this.cut === null && performance.now() > this.#deadline) this.cut = 'time'
    return this.cut !== null
  }

  *entries(): Generator<Entry> {
    // The last is next.
    const waiting: { path: string; dirent: Dirent; depth: number }[] = []
    const open = (path: string, depth: number) => {
      for (const dirent of this.#read(path).reverse())
        waiting.push({ path: path === '' ? dirent.name : `${path}/${dirent.name}`, dirent, depth })
    }
    open('', 1)
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { path, dirent, depth } = next
      if (this.#isIgnored(dirent.name)) continue
      this.#seen += 1
      if (this.#seen > this.#limits.entriesMax) this.cut = 'entries'
      if (this.isLate()) return
      yield { path, dirent }
      if (dirent.isDirectory() && depth < this.#limits.depthMax) open(path, depth + 1)
    }
  }

  /** What the model should know about entries that it does not see. */
  notes(): string[] {
    const notes: string[] = []
    if (this.cut === 'entries')
      notes.push(`[Ended after ${this.#limits.entriesMax} entries: choose a smaller directory.]`)
    if (this.cut === 'time')
      notes.push(`[Ended after ${this.#limits.timeMax / 1000} seconds: choose a smaller directory.]`)
    if (this.ignored.size > 0)
      notes.push(`[Left out: ${[...this.ignored].sort().join(', ')}. Set "includeIgnored" to see them.]`)
    if (this.unreadable > 0) notes.push(`[${this.unreadable} of the directories could not be read.]`)
    return notes
  }

  #isIgnored(name: string): boolean {
    if (this.#limits.includeIgnored || !ignoredNames.includes(name)) return false
    this.ignored.add(name)
    return true
  }

  #read(path: string): Dirent[] {
    try {
      const found = readdirSync(join(this.#root, path), { withFileTypes: true })
      return found.sort((a, b) => (a.name < b.name ? -1 : 1))
    } catch (error) {
      if (path === '') throw error
      this.unreadable += 1
      return []
    }
  }
}
