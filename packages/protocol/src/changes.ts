/** What a run changed in its project (docs/protocol.md#3-native-face). */

export interface FileChange {
  /** Relative to where the agent works if it is inside, else absolute. */
  path: string
  status: 'added' | 'modified' | 'deleted'
  /** Lines. */
  additions: number
  deletions: number
  /** Unified hunks (`@@ -1,3 +1,4 @@` …) without a header. Empty where the lines are not known or are too many. */
  diff: string
}

/** A command that an agent ran. */
export interface RanCommand {
  command: string
  /** `cancelled`: the run ended first, or the call was interrupted. */
  status: 'running' | 'ok' | 'error' | 'denied' | 'cancelled'
  /** Null where it is not known. */
  exitCode: number | null
}

/** Body of the answer of `GET /api/runs/:id/changes`. */
export interface RunChangesResponse {
  /** In the order of their first change. A file that was made and deleted again is not among them. */
  files: FileChange[]
  /** How many more files changed than are listed. */
  filesLeftOut: number
  /** The newest commands, in order. */
  commands: RanCommand[]
  commandsLeftOut: number
  /** Null where it is not known. */
  costUsd: number | null
  /** False where the beginning of the log is no longer kept, or reading the log for this takes too long. */
  complete: boolean
}
