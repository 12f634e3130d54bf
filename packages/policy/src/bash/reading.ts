/**
 * One reading of one command: what it found, how much it has looked at, and what the command has
 * written so far.
 *
 * Owns: the findings and the budget. Every look at a node is counted, so that a reading ends soon
 * whatever the text; past the budget the command is unreadable.
 */
import type { Finding } from '#finding'
import type { Places } from '#places'
import type { Scope } from './scope.ts'

export interface ReadingOptions {
  places: Places
  projectPath: string
  home: string
  sandboxed: boolean
}

/** Beyond these a command is not read. */
export const limits = { characters: 32_768, looks: 20_000, depth: 40, findings: 64 }

export class Reading {
  readonly options: ReadingOptions
  readonly findings: Finding[] = []
  /** Resolved paths this command makes or changes; a directory stands for all below it. */
  readonly written: string[] = []
  /** A trap is set, whose text has been read for this directory. */
  trapped = false
  private looks = 0
  private depth = 0

  constructor(options: ReadingOptions) {
    this.options = options
  }

  forbid(reason: string): void {
    this.note({ level: 'forbidden', reason })
  }

  unreadable(reason: string): void {
    this.note({ level: 'unreadable', reason })
  }

  /** True while there is budget left. */
  look(): boolean {
    this.looks++
    if (this.looks === limits.looks) this.unreadable('the command has too many parts')
    return this.looks < limits.looks
  }

  /** Does something one level deeper; past the bound it says so instead. */
  deeper(happen: () => void) {
    if (this.depth >= limits.depth) return this.unreadable('the command is nested too deeply')
    this.depth++
    happen()
    this.depth--
  }

  /** The absolute paths a relative one may mean; null where the directory is unknown. */
  pathsOf(path: string, scope: Scope): string[] | null {
    const { places } = this.options
    if (path.startsWith('/')) return [places.resolve(path, '/')]
    return scope.directories?.map((directory) => places.resolve(path, directory)) ?? null
  }

  private note(finding: Finding): void {
    // Harm is always kept: it decides.
    if (this.findings.length < limits.findings || finding.level === 'forbidden') this.findings.push(finding)
  }
}
