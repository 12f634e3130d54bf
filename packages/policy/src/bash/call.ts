/** One simple command as the programs' rules see it, and what they may ask and say about it. */

/** What comes in at a program's standard input. */
export type Input =
  | { from: 'nowhere' }
  /** A heredoc or here-string whose text is known. */
  | { from: 'text'; text: string }
  /** Another program, a file, or text that is not known. */
  | { from: 'elsewhere' }

export interface Call {
  /** The program, without its directory. */
  readonly name: string
  /** Arguments after expansion; unknown parts are stand-ins (`symbols.ts`). */
  readonly args: readonly string[]
  readonly input: Input
  readonly sandboxed: boolean
  readonly projectPath: string
  forbid(reason: string): void
  unreadable(reason: string): void
  /** The path will be read; `deep`: with all below it. Unknown paths are unreadable. */
  reads(path: string, deep?: boolean): void
  /** The path will be made or changed. */
  writes(path: string): void
  /** The path, and all below it, will be gone. */
  removes(path: string): void
  /** The path's program will run. Unreadable unless it lies in the project and was not written just now. */
  executes(path: string): void
  /** The program runs code of the project (a build, a test), which must not have been written just now. */
  runsProject(): void
  /** Reads a command through a wrapper. */
  command(argv: readonly string[], input?: Input): void
  /** Reads shell text that will be run. */
  script(text: string): void
  /** Reads shell text that will be run at some later time. */
  laterScript(text: string): void
  /** Marks variables as changed to something unknown. */
  taints(name: string): void
  changesDirectory(path: string | null): void
  /** Is the path outside the project and outside scratch? */
  isOutside(path: string): boolean
}

export type Rule = (call: Call) => void
export type Rules = Readonly<Record<string, Rule>>
