/**
 * One reading of one command: what it found, how much it has looked at, and what the command does to
 * files in which order.
 *
 * Owns: the findings, the budget, and the order of events. Every look at a node, a word or a file is
 * counted, so that a reading ends soon whatever the text; past the budget the command is refused.
 */
import type { Dirent } from 'node:fs'
import type { Finding, Span } from '#finding'
import type { Links, Places } from '#places'
import { Order } from './order.ts'
import type { Scope } from './scope.ts'

export interface ReadingOptions {
  places: Places
  projectPath: string
  home: string
  sandboxed: boolean
}

/** Beyond these a command is refused. */
export const limits = {
  /** Without the bodies of heredocs whose end mark is quoted, which are only text. */
  characters: 8_192,
  /** Linux takes no longer argument. */
  charactersAltogether: 131_072,
  pathCharacters: 4_096,
  /** Characters that open something, in the whole command. */
  openings: 300,
  looks: 4_000,
  depth: 40,
  findings: 64,
}

/** A path this long costs one look, one of twice the length four. */
const freePathCharacters = 48

function lengthOf({ length }: string): number {
  return length
}

export class Reading implements Links {
  readonly options: ReadingOptions
  readonly findings: Finding[] = []
  readonly order = new Order()
  /** A trap is set, whose text has been read for this directory. */
  trapped = false
  /** A pattern that begins with `*` is given to a program: its matches could be options. */
  #matchesAnything = false
  /** A file is made whose name looks like an option. */
  #makesOptions = false
  /** IFS is assigned somewhere: known text without quotes may be split anywhere. */
  splitsAnywhere = false
  looks = 0
  #depth = 0
  #texts = 0
  #span: Span | undefined
  /** Names in directories, as they were looked up. */
  readonly directories = new Map<string, readonly Dirent[]>()
  readonly #links = new Map<string, string | null>()

  constructor(options: ReadingOptions) {
    this.options = options
  }

  forbid(reason: string, span?: Span): void {
    this.#note({ level: 'forbidden', reason, span: span ?? this.#span })
  }

  unreadable(reason: string, span?: Span): void {
    this.#note({ level: 'unreadable', reason, span: span ?? this.#span })
  }

  /** True while there is budget left. */
  look(times = 1): boolean {
    const before = this.looks
    this.looks += times
    if (before < limits.looks && this.looks >= limits.looks)
      this.forbid('the command has too many parts to be judged: write it to a script, or shorten it', {
        start: 0,
        end: 0,
      })
    return this.looks < limits.looks
  }

  /** `*.ts` as an argument: a match that looks like an option is one. */
  givesMatches(): void {
    this.#matchesAnything = true
  }

  makes(path: string): void {
    this.#makesOptions ||= /\/[-\u{f0000}-\u{f0005}][^/]*$/u.test(path)
  }

  /** What only the whole command shows. */
  finish(): void {
    for (const conflict of this.order.conflicts()) this.unreadable(conflict)
    if (this.#matchesAnything && this.#makesOptions)
      this.unreadable('a pattern may match a file made just now, whose name programs take for an option')
  }

  /** Does something one level deeper; past the bound it says so instead. */
  deeper(happen: () => void): void {
    if (this.#depth >= limits.depth) {
      this.forbid('the command is nested too deeply to be judged')
      return
    }
    this.#depth++
    happen()
    this.#depth--
  }

  /** Findings until the next call are about this part of the command. Text within text has no place of its own. */
  point(span: Span): void {
    if (this.#texts === 0) this.#span = { start: span.start, end: span.end }
  }

  /** Reads text that is not part of the command's own text, such as that of `sh -c`. */
  within(happen: () => void): void {
    this.#texts++
    happen()
    this.#texts--
  }

  /** No more doubts are kept, nor need be. */
  get full(): boolean {
    return this.findings.length >= limits.findings
  }

  /** The absolute paths a relative one may mean; null where the directory is unknown. */
  pathsOf(path: string, scope: Scope): string[] | null {
    const { places } = this.options
    if (path.length > limits.pathCharacters) return null
    const way =
      path.length + (path.startsWith('/') ? 0 : Math.max(0, ...(scope.directories ?? []).map(lengthOf)))
    // Every directory on the way is looked up by its whole path.
    if (way > limits.pathCharacters || !this.look(Math.floor((way / freePathCharacters) ** 2))) return null
    this.#usesOnTheWay(path, scope)
    if (path.startsWith('/')) return [places.resolve(path, '/', this)]
    return scope.directories?.map((directory) => places.resolve(path, directory, this)) ?? null
  }

  /** `link/..` leads above what the link names, so that it counts as a use of the link. */
  #usesOnTheWay(path: string, scope: Scope): void {
    for (const up of path.matchAll(/\/\.\.(?=\/|$)/g)) {
      const before = path.slice(0, up.index)
      if (!this.look() || /(^|\/)\.\.$/.test(before)) continue
      for (const directory of before.startsWith('/') ? ['/'] : (scope.directories ?? []))
        this.order.uses(this.options.places.resolve(before, directory, this), path)
    }
  }

  linkAt(path: string, read: (path: string) => string | null): string | null {
    const known = this.#links.get(path)
    if (known !== undefined) return known
    const target = this.look() ? read(path) : null
    this.#links.set(path, target)
    return target
  }

  #note(finding: Finding): void {
    // Harm is always kept: it decides.
    if (this.findings.length < limits.findings || finding.level === 'forbidden') this.findings.push(finding)
  }
}
