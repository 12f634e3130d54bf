/**
 * Jobs: the events of a subprocess run (docs/protocol.md#4-jobs-face). All times are milliseconds since
 * the epoch, all durations milliseconds.
 */

/** One line of output, without its line ending. */
export interface StreamOutputEvent {
  /** Of a terminal: what the program wrote, with line endings and control sequences; at most one line. */
  line: string
  timestamp: number
  stream: 'stdout' | 'stderr'
  /** Present when something was cut from this event: the JSON paths of what was cut. */
  truncated?: string[]
  /** Present if the program has a terminal: its size in characters. All its `line`s in a row are what was written there. */
  terminal?: { columns: number; rows: number }
}

/** What became of a job whose process ended, whatever its exit code. */
export interface ExecutionResponse {
  jobId: string
  toolId: string
  projectId: string
  /** True when the process ended by itself with code 0. */
  success: boolean
  /** Null when a signal ended it. */
  exitCode: number | null
  /** Name of the signal that ended it (`SIGKILL`), or null. */
  signal: string | null
  /** True when it was ended because it ran longer than its tool allows. */
  timedOut: boolean
  durationMs: number
  /** How long it waited for its turn. */
  queuedMs: number
  /** How many lines of output it wrote. */
  outputLines: number
  startedAt: number
  finishedAt: number
  /**
   * Present when it was ended for passing a limit other than time: which one. `disk`: it was about to fill the disk of
   * the server. `protected`: it kept making files under protected names.
   */
  limit?: 'memory' | 'processes' | 'output' | 'disk' | 'protected'
}

export type StreamCompleteEvent = ExecutionResponse

/** The process could not be started, or was ended from outside. */
export interface StreamErrorEvent {
  message: string
  /** The state the run ended in, where a run stands behind the event. */
  state?: 'errored' | 'aborted' | 'interrupted'
  /** Present when it was ended because the runs of its owner take more room in the store than they may. */
  limit?: 'quota'
}

export type StreamEvent =
  | { event: 'output'; data: StreamOutputEvent }
  | { event: 'complete'; data: StreamCompleteEvent }
  | { event: 'error'; data: StreamErrorEvent }
