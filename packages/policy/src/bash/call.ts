/** One simple command as the tables of programs see it, and what may be said about it. */

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
  /** Resolved. */
  readonly projectPath: string
  readonly homePath: string
  /** `about`: the argument it is about, to point at. */
  forbid(reason: string, about?: string): void
  unreadable(reason: string, about?: string): void
  /** The path will be read; `deep`: with all below it. */
  reads(path: string, deep?: boolean): void
  /** The path will be made or changed; `content` false: its mode alone. */
  writes(path: string, content?: boolean): void
  isDirectory(path: string): boolean
  /** The path, and all below it, will be gone. */
  removes(path: string): void
  /** Below the path, names and links change in ways that are not seen. */
  changes(path: string): void
  /** Takes a file of this very name for settings, if it is there. */
  obeys(path: string): void
  /** Runs a file of the project. */
  executes(path: string): void
  /** Runs code of the project (a build, a test) from the current directory. */
  runsProject(): void
  /** Reads a command through a wrapper. */
  command(argv: readonly string[], input?: Input): void
  /** Reads shell text that will be run. */
  script(text: string): void
  /** Reads shell text that will be run at some later time. */
  laterScript(text: string): void
  /** A variable is set to something unknown. */
  sets(variable: string): void
  changesDirectory(path: string | null): void
  /** Absolute, resolved paths it may mean; null where that is not known. */
  pathsOf(path: string): readonly string[] | null
}

export type Rule = (call: Call) => void
