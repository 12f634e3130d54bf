/**
 * The port of the boundary around a run's processes. A run starts all its programs through it. They and all their
 * descendants are dead when `end()` has resolved.
 */
import type { Readable, Writable } from 'node:stream'
import type { KeptHome, KeptHomes } from '#homes/kept-homes'
import type { NetworkAccess } from '#network/access'

export interface SandboxedCommand {
  /** Set in the child's environment, so that its processes can be found after their parent has crashed. */
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
  /** See `NetworkAccess`. Without a boundary every run has the network of the machine. */
  network: NetworkAccess
  /** Ports of the machine's loopback interface that the run may use besides, under the same numbers. */
  services?: readonly number[]
  /** Leave `--disable-userns` out, for tools that bring a sandbox of their own (Chromium). */
  allowNestedSandbox: boolean
  limits: ProcessLimits
  /** `none`: the program reads /dev/null. Default: a pipe. */
  stdin?: 'none' | 'pipe'
  /**
   * Further absolute paths of the host that this run may read, such as a program outside the system's
   * directories. They appear at their real paths, with links resolved.
   */
  readPaths?: readonly string[]
  /**
   * Gives the program a terminal of this size. Output and error output both arrive as `stdout`, as they were written
   * there. Its input stays what `stdin` says.
   */
  terminal?: { columns: number; rows: number }
  /** Whose run it is, if caches of tools may last from one of their runs in this project to the next. */
  cacheOwner?: string
  /** Files in the private home of the run, which it may change: path relative to HOME → content. */
  homeFiles?: ReadonlyMap<string, string | Buffer>
  /** Keeps the home on the disk after the run, under a name. A copied home has no use for `homeFiles`. */
  keptHome?: KeptHome
  /** Called when a file that the run created under a protected name was moved to `keptAt`, out of its reach. */
  onTakenAway?(taken: { path: string; keptAt: string }): void
  /** Called when git settings that the run made stay inside the run, because git would execute what they say. */
  onHeldBack?(held: { path: string; settings: string[] }): void
}

export interface ProcessLimits {
  /** Resident memory of all processes of the run together. */
  memoryBytes?: number | undefined
  /** Processes of the run alive at once. */
  processes?: number | undefined
}

/**
 * `protected`: the run kept creating files under protected names. `disk`: it was about to fill the disk of the data
 * directory.
 */
export type Breach = 'memory' | 'processes' | 'disk' | 'protected'

export interface SandboxedProcess {
  readonly pid: number
  /** Field 22 of `/proc/<pid>/stat`; 0 where there is no such thing. */
  readonly startTime: number
  /** Already ended if the command requested no input. */
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Settles when the first process has ended and both pipes are drained or closed. Never rejects. */
  readonly exited: Promise<ProcessExit>
  /** The limit that the run exceeded, if any. The tree is already being ended then. */
  readonly breach: Breach | undefined
  /** Ends the whole tree: SIGTERM, `graceMs` later SIGKILL. Resolves when no process is left. Idempotent. */
  end(graceMs: number): Promise<void>
}

export interface ProcessExit {
  code: number | null
  signal: NodeJS.Signals | null
  /** True if the program never began, although it seemed to start. Otherwise absent. */
  neverBegan?: true
}

export interface SandboxReport {
  /** The boundary between runs and the machine. `none` is the fallback. */
  boundary: 'bubblewrap' | 'none'
  /** Warnings for people: shown in the log at the start, in `GET /api/server`, and by `millrace doctor`. */
  warnings: string[]
  /** Each attempted escape, and whether the boundary held. */
  checks: { name: string; held: boolean; detail: string }[]
  /** The PATH of runs, and which directories of the server's it leaves out. */
  path?: { directories: string[]; leftOut: { directory: string; why: string }[] }
}

export interface Sandbox {
  readonly report: SandboxReport
  /** Fails with a readable error if the program cannot be started. */
  spawn(command: SandboxedCommand): Promise<SandboxedProcess>
  /** Removes what the sandbox set up for runs (mount points, private homes). */
  close(): Promise<void>
}

/** The sandbox as its owner sees it. */
export interface OpenSandbox extends Sandbox {
  readonly homes: KeptHomes
  /** What was taken away from runs, by their ids. */
  readonly quarantine: Pick<KeptHomes, 'list' | 'forget'>
}
