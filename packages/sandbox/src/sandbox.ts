/**
 * The port of the boundary around a run's processes. Everything a run starts is started through it,
 * and dead, with all its descendants, when `end()` has resolved.
 */
import type { Readable, Writable } from 'node:stream'

export interface SandboxedCommand {
  /** Put into the child's environment, so that a process is found whose parent crashed. */
  runId: string
  /** Program and arguments; never a shell string. */
  argv: readonly [string, ...string[]]
  /** Absolute, inside the project. */
  cwd: string
  /**
   * The whole environment of the child apart from what the sandbox itself sets (HOME, TMPDIR, the run id,
   * where toolchains lie). A PATH takes the place of that of all runs, as far as the run may see what it names.
   */
  env: Readonly<Record<string, string>>
  /** The only directory of the host that the child may write. */
  projectPath: string
  network: boolean
  /** Leave `--disable-userns` out, for tools that bring a sandbox of their own (Chromium). */
  allowNestedSandbox: boolean
  limits: ProcessLimits
  /** `none`: the program reads /dev/null. Default: a pipe. */
  stdin?: 'none' | 'pipe'
  /**
   * Further absolute paths of the host that this run may read: the program it runs, when that lies outside
   * the system's directories. Seen at their real paths, links resolved.
   */
  readPaths?: readonly string[]
  /** Files that the run finds in its private home, its own to change: path relative to HOME → content. */
  homeFiles?: ReadonlyMap<string, string | Buffer>
  /** Called when something the run made under a protected name was moved to `keptAt`, out of its reach. */
  onTakenAway?(taken: { path: string; keptAt: string }): void
}

export interface ProcessLimits {
  /** Resident memory of all processes of the run together. */
  memoryBytes?: number | undefined
  /** Processes of the run alive at once. */
  processes?: number | undefined
}

/** `protected`: the run kept making files under protected names. */
export type Breach = 'memory' | 'processes' | 'protected'

export interface SandboxedProcess {
  readonly pid: number
  /** Field 22 of `/proc/<pid>/stat`; 0 where there is no such thing. */
  readonly startTime: number
  /** Ended from the start when the command asked for no input. */
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Settles when the first process has ended and both pipes are drained or cut. Never rejects. */
  readonly exited: Promise<ProcessExit>
  /** Which limit was passed, once one was; the tree is already being ended then. */
  readonly breach: Breach | undefined
  /** Ends the whole tree: SIGTERM, `graceMs` later SIGKILL. Resolves when no process is left. Idempotent. */
  end(graceMs: number): Promise<void>
}

export interface ProcessExit {
  code: number | null
  signal: NodeJS.Signals | null
  /** Present when the program never began, though that was not known when it was started: true. */
  neverBegan?: true
}

export interface SandboxReport {
  /** What stands between a run and the machine. `none` is the honest fallback. */
  boundary: 'bubblewrap' | 'none'
  /** What a person should know: shown at the start, on /readyz's page and by `millrace doctor`. */
  warnings: string[]
  /** Each attempted escape and whether it was held. */
  checks: { name: string; held: boolean; detail: string }[]
  /** The PATH of runs, and which directories of the server's it leaves out. */
  path?: { directories: string[]; leftOut: { directory: string; why: string }[] }
}

export interface Sandbox {
  readonly report: SandboxReport
  /** Fails with an error a person understands when the program cannot be started. */
  spawn(command: SandboxedCommand): Promise<SandboxedProcess>
  /** Removes what the sandbox put in place for runs (mount points, private homes). */
  close(): Promise<void>
}
