/**
 * What a whole value must look like. Matching takes time in proportion to the value, whatever the pattern: callers
 * choose the values, and an engine that backtracks could be stopped by 31 letters.
 */
import { createRequire } from 'node:module'
import type { RE2JS } from 're2js'

/** RE2JS takes it for a letter. */
const namedReference = /(?<!\\)(?:\\\\)*\\k/

export class ValuePattern {
  readonly source: string
  readonly #compiled: RE2JS

  /** Fails for what is no regular expression, or needs backtracking (lookaround, backreferences). */
  constructor(source: string) {
    this.source = source
    // What either engine reads alone would surprise people who know the other.
    new RegExp(source, 'u')
    if (namedReference.test(source)) throw new Error('invalid escape sequence: `\\k`')
    // Large, and few configurations have patterns.
    const { RE2JS } = createRequire(import.meta.url)('re2js') as typeof import('re2js')
    this.#compiled = RE2JS.compile(RE2JS.translateRegExp(source))
  }

  /** The whole value, not a part or a line of it. */
  matches(value: string): boolean {
    return this.#compiled.matches(value)
  }
}
