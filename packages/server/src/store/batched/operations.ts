/**
 * What goes between the main thread and the two worker threads. Only plain data, and few objects:
 * the events of one append travel as one string (`log-text.ts`), because cloning them one by one cost
 * more than writing them.
 */
import type { EndCause, ErrorCode, FinalState, LogBounds, RunKind, RunState } from '@millrace/protocol'
import type { Credential, CredentialKind } from '#store/credentials'
import type {
  Approval,
  Expendable,
  NewRun,
  PageRequest,
  QueueCounts,
  RetentionRule,
  TranscriptEntry,
} from '#store/store'

/**
 * A row of events is closed above this many characters; one event is never cut. About what a follower
 * reads at once: of a larger row every page decodes the whole and uses a part (a replay took half as
 * long again with rows of 256 KiB).
 */
export const rowSize = 64 * 1024

/** Events of one run as text: one line an event, `at type json`. */
export interface LogText {
  count: number
  /** Characters of the text that are not the events' JSON; all of them ASCII. */
  overhead: number
  text: string
}

export interface NewRunRow extends Omit<NewRun, 'spec' | 'queued'> {
  /** JSON. */
  spec: string
}

/** One write. Each is atomic; a batch of them shares a transaction. */
export type Operation = RunOperation | CredentialOperation

export type CredentialOperation =
  | { op: 'credential-add'; credential: Credential; hash: string }
  | { op: 'credential-take'; hash: string; at: number }
  | { op: 'credential-revoke'; id: string; at: number }
  | { op: 'credential-sweep'; at: number }

export type RunOperation =
  | { op: 'create'; run: NewRunRow; log: LogText[] }
  | { op: 'claim'; kind: RunKind; limit: number; node: string }
  | { op: 'append'; run: string; attempt: number; log: LogText[] }
  | { op: 'running'; run: string; attempt: number; at: number; log: LogText[] }
  | { op: 'process'; run: string; attempt: number; pid: number; startTime: number }
  | { op: 'end'; run: string; cause: EndCause }
  | { op: 'ask'; run: string; attempt: number; approval: string; expiresAt: number; log: LogText[] }
  /** `answer`: JSON, the data of the event. */
  | { op: 'answer'; run: string; approval: string; answer: string; log: LogText[] }
  | { op: 'transcript'; run: string; attempt: number; entries: TranscriptEntry[] }
  | FinishOperation
  | { op: 'prune'; run: string; through: number }
  | { op: 'delete'; run: string }
  | { op: 'reclaim' }
  /** Writes a little, to learn whether the disk has room again. */
  | { op: 'probe' }

export interface FinishOperation {
  op: 'finish'
  run: string
  attempt: number
  state: FinalState
  at: number
  /** JSON, all three. */
  result: string | null
  error: string | null
  usage: string | null
  log: LogText[]
}

export type OperationResult =
  | { kind: 'appended'; firstSeq: number; state: RunState }
  /**
   * `changed` is false when the operation found everything as it wanted it. `withdrawn`: events as text
   * that the writer put before those of the operation.
   */
  | { kind: 'row'; row: RunRow; changed: boolean; withdrawn?: string }
  /** `row` as it is after the events went, or as it was before all of the run did. */
  | { kind: 'dropped'; row: RunRow; events: number; changed: boolean }
  | { kind: 'reclaimed'; bytes: number; more: boolean }
  | { kind: 'credential'; credential: Credential }
  /** It took effect, and there is nothing to tell. */
  | { kind: 'done' }
  | { kind: 'none' }
  | { kind: 'refused'; code: ErrorCode; message: string }

/** Why the rest of a batch was not written. `full` may pass, `failed` does not. */
export interface Stop {
  kind: 'full' | 'failed'
  message: string
}

export interface BatchReply {
  /** Of the operations that are on disk now: all of them, or with `stopped` the first ones. */
  results: OperationResult[]
  stopped: Stop | null
}

export type ToWriter = { kind: 'batch'; operations: Operation[] } | { kind: 'close' }

export type FromWriter =
  | { kind: 'ready'; epoch: string; cursorKey: string }
  | { kind: 'refused'; code: ErrorCode; message: string }
  | { kind: 'reply'; reply: BatchReply }

export interface ListQuery {
  owner: string | undefined
  kind: RunKind | undefined
  state: RunState | undefined
  project: string | undefined
  limit: number
  /** Only rows with a smaller key. */
  before: number | undefined
}

export type Bounds = Omit<LogBounds, 'epoch'>

/** One read: what is asked and what is answered. */
export interface Reads {
  run: { ask: { id: string }; answer: RunRow | null }
  list: { ask: ListQuery; answer: { rows: RunRow[]; nextBefore: number | null } }
  active: { ask: object; answer: RunRow[] }
  counts: { ask: { kind: RunKind }; answer: QueueCounts }
  expendable: {
    ask: RetentionRule & { after: number }
    answer: { found: Expendable[]; nextAfter: number | null }
  }
  bounds: { ask: { id: string }; answer: Bounds | null }
  page: { ask: { id: string } & PageRequest; answer: PageText | null }
  approvals: { ask: { run: string }; answer: { id: string; expiresAt: number }[] }
  approval: { ask: { run: string; id: string }; answer: Approval | null }
  transcript: { ask: { run: string }; answer: TranscriptEntry[] }
  credential: { ask: { hash: string }; answer: Credential | null }
  credentials: { ask: { kind: CredentialKind }; answer: Credential[] }
  deadCredentials: { ask: { ids: readonly string[]; at: number }; answer: string[] }
}

export interface PageText {
  /** `seq` of the first line. */
  firstSeq: number
  text: string
  bounds: Bounds
}

export type ReadName = keyof Reads

export type ToReader =
  | { kind: 'open'; path: string }
  | { kind: 'read'; id: number; name: ReadName; ask: unknown }
  | { kind: 'close' }

export type FromReader =
  | { kind: 'answer'; id: number; answer: unknown }
  | { kind: 'error'; id: number; message: string }

/** A run as the database has it; the names are those of `runColumns`. */
export interface RunRow {
  id: string
  kind: RunKind
  project: string | null
  owner: string
  state: RunState
  closed: number
  attempt: number
  createdAt: number
  startedAt: number | null
  finishedAt: number | null
  head: number
  retryOf: string | null
  resumes: string | null
  cause: EndCause | null
  node: string | null
  pid: number | null
  processStart: number | null
  spec: string
  result: string | null
  error: string | null
  usage: string | null
}
