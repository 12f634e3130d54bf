/**
 * What is known at one point of a script: the values a variable may have, and where it may be.
 *
 * Invariant: it errs on the side of knowing less. A branch that may not have been taken adds values and
 * never removes any; what a loop or a function assigns is unknown before it.
 */
import { unknownText } from './symbols.ts'

const mostValues = 16
/** Longer than a command: such a value was put together from itself. */
const longestValue = 8_192

export interface FunctionFacts {
  /** Where its body was read. */
  directories: readonly string[] | null
  /** Does it leave the shell in another directory? */
  moves: boolean
}

export class Scope {
  #variables: Map<string, readonly string[]>
  /** Null: anywhere. */
  directories: readonly string[] | null
  /** Functions that are certainly defined. */
  functions: ReadonlyMap<string, FunctionFacts>
  /** Changed at times that are not followed; shared by all copies. */
  readonly #tainted: Set<string>

  constructor(directory: string, known: Iterable<[string, string]>) {
    this.#variables = new Map([...known].map(([name, value]) => [name, [value]]))
    this.directories = [directory]
    this.functions = new Map()
    this.#tainted = new Set()
  }

  /** Undefined: never assigned here, so what it inherits. */
  valuesOf(name: string): readonly string[] | undefined {
    return this.#tainted.has(name) ? [unknownText] : this.#variables.get(name)
  }

  assign(name: string, values: readonly string[]): void {
    this.#variables.set(name, bounded(values))
  }

  /** A function's body was read where it is defined; elsewhere its paths would mean something else. */
  define(name: string, facts: FunctionFacts): void {
    this.functions = new Map([...this.functions, [name, facts]])
  }

  taint(name: string): void {
    this.#tainted.add(name)
  }

  /** Unknown from here on, until it is assigned again. */
  forget(name: string): void {
    this.#variables.set(name, [unknownText])
  }

  moveTo(directories: readonly string[] | null): void {
    this.directories = directories === null ? null : bounded(directories)
    if (this.directories?.includes(unknownText)) this.directories = null
  }

  /** It may be in these places as well. */
  alsoIn(directories: readonly string[] | null): void {
    const both = directories !== null && this.directories !== null
    this.moveTo(both ? [...(directories ?? []), ...(this.directories ?? [])] : null)
  }

  /** Runs something that may not happen; what it leaves is added to what was. */
  maybe(happen: () => void): void {
    const before = new Map(this.#variables)
    const { directories, functions } = this
    happen()
    this.functions = functions
    for (const name of new Set([...before.keys(), ...this.#variables.keys()])) {
      const values = [before.get(name) ?? [unknownText], this.#variables.get(name) ?? [unknownText]].flat()
      this.#variables.set(name, bounded(values))
    }
    this.alsoIn(directories)
  }

  /** Runs something of which nothing is left: a subshell. */
  apart(happen: () => void): void {
    const before = new Map(this.#variables)
    const { directories, functions } = this
    happen()
    this.#variables = before
    this.directories = directories
    this.functions = functions
  }

  /** Runs something of whose variables nothing is known: a function's body. True: it changes the directory. */
  atAnyTime(happen: () => void): boolean {
    const before = this.#variables
    const { directories, functions } = this
    this.#variables = new Map()
    happen()
    const moved = !samePlaces(directories, this.directories)
    this.#variables = before
    this.directories = directories
    this.functions = functions
    return moved
  }
}

export function samePlaces(some: readonly string[] | null, others: readonly string[] | null): boolean {
  return some?.join('\n') === others?.join('\n')
}

function bounded(values: readonly string[]): readonly string[] {
  const distinct = [...new Set(values)]
  const isLong = distinct.some(({ length }) => length > longestValue)
  return isLong || distinct.length > mostValues ? [unknownText] : distinct
}
