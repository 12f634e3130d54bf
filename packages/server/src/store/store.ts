/**
 * The store: where runs and events live, and the only place that knows SQL.
 *
 * A narrow port. Every method is asynchronous, every write is one atomic unit, and a promise of a
 * write resolves only when what it wrote is on disk. `conformance.ts` is the one suite that every
 * implementation passes.
 */
import type {
  EndCause,
  FinalState,
  LogBounds,
  PermissionResolvedEvent,
  Run,
  RunKind,
  RunState,
} from '@millrace/protocol'
import type { CredentialStore } from './credentials.ts'

/** An event before it has a number. `json` is the data as one line of JSON. */
export interface EventInput {
  /** Milliseconds since the epoch. */
  at: number
  type: string
  json: string
}

export interface StoredEvent extends EventInput {
  seq: number
}

export interface NewRun {
  /** A UUID made by the server. */
  id: string
  kind: RunKind
  project: string | null
  owner: string
  spec: Record<string, unknown>
  createdAt: number
  retryOf: string | null
  resumes: string | null
  /** Refused while the project has another open run that is exclusive, too. */
  exclusive: boolean
  /** The first event of the log. */
  queued: EventInput
  /** A repeated key of the same owner answers with the first run; with another fingerprint it is an error. */
  idempotency: { key: string; fingerprint: string } | null
}

/** The process that does a run's work, named so that a recycled pid is not mistaken for it. */
export interface RunProcess {
  pid: number
  /** Field 22 of `/proc/<pid>/stat` (clock ticks since boot), or 0 where there is no such thing. */
  startTime: number
}

/** A run with what only the server's inside may know. */
export interface RunRecord extends Run {
  /** The first cause of ending that was recorded, if any. */
  cause: EndCause | null
  process: RunProcess | null
  /** The node that claimed it. */
  node: string | null
}

/** The run without what only the server's inside may know. */
export function publicRun(record: RunRecord): Run {
  const { cause: _cause, process: _process, node: _node, ...run } = record
  return run
}

export interface Claim {
  kind: RunKind
  /** How many runs of the kind may be active (starting or running) at once, this one included. */
  limit: number
  node: string
}

export interface Appended {
  firstSeq: number
  lastSeq: number
}

export interface Finish {
  state: FinalState
  /** The terminal event. */
  event: EventInput
  result: unknown
  error: ({ message: string } & Record<string, unknown>) | null
  usage: Record<string, unknown> | null
}

/** A question to be put to people. */
export interface NewApproval {
  /** A UUID made by the server. */
  id: string
  /** Milliseconds since the epoch. */
  expiresAt: number
  /** The `permission:requested` event. */
  event: EventInput
}

export interface ApprovalAnswer {
  decision: 'allow' | 'deny'
  by: 'person' | 'expiry'
  /** Name of the user who answers. */
  user?: string | undefined
  message?: string | undefined
  /** Milliseconds since the epoch. */
  at: number
}

export interface Approval {
  expiresAt: number
  /** The answer that counts; null while it is open. */
  answer: PermissionResolvedEvent | null
}

/** One line of an agent's transcript, opaque. */
export interface TranscriptEntry {
  /** Id of the conversation, as the agent SDK gave it. */
  conversation: string
  /** '' for the conversation itself, else the SDK's path of a subagent in it. */
  subpath: string
  json: string
}

export interface RunFilter {
  /** Only runs of this user; absent for an admin. */
  owner?: string | undefined
  kind?: RunKind | undefined
  state?: RunState | undefined
  project?: string | undefined
  limit: number
  /** `nextCursor` of the page before. */
  cursor?: string | undefined
}

export interface PageRequest {
  /** Events with a greater `seq` are wanted. */
  after: number
  /** Stop after the event with which the page's JSON passes this many bytes; at least one event comes. */
  maxBytes: number
  maxEvents?: number
}

/** A page of a log, with the bounds of the log as of the same read. */
export interface LogPage {
  events: StoredEvent[]
  bounds: LogBounds
}

export interface QueueCounts {
  running: number
  pending: number
  completed: number
  failed: number
  /** Mean of `finishedAt - startedAt` over completed runs; 0 when there are none. */
  averageDurationMs: number
}

/**
 * What a commit did to one run. Told in commit order, after the commit is on disk and after the
 * promises of the writes in it were resolved, but before what awaits them goes on.
 */
export interface Commit {
  runId: string
  change: 'created' | 'updated' | 'finished' | 'deleted'
  state: RunState
  head: number
  /** True when the terminal event is in the log. */
  closed: boolean
  /** The events this commit added, in order, without a gap; empty when it added none. */
  events: StoredEvent[]
  /** With `deleted`: the run as it was, since nobody can look it up any more. */
  last?: RunRecord
}

/** What of a store may be forgotten. */
export interface RetentionRule {
  /** Runs that are over and finished before this time, milliseconds since the epoch, go. Null: none. */
  finishedBefore: number | null
  /** Of every log that stays, no more than this many events are kept, the newest. At least 1. Null: all. */
  events: number | null
}

/** What a rule would take from one run. */
export interface Expendable {
  runId: string
  /** The last event to go; null: the run goes as a whole. */
  throughSeq: number | null
  /** How many events that is. */
  events: number
}

/** `full`: writes wait for room on the disk. `failed`: the disk lied; nothing is acknowledged any more. */
export type StoreStatus =
  | { kind: 'ok' }
  | { kind: 'full'; message: string }
  | { kind: 'failed'; message: string }

export interface Store {
  /** Identity of the log's history. */
  readonly epoch: string
  readonly credentials: CredentialStore

  /**
   * Puts a run in the queue. `created` is false when the idempotency key was known.
   * With `resumes`, what is kept of that run's conversation is copied to the new one, together with it.
   * Fails with `project_busy` when the run is exclusive and its project has an open run that is, with
   * `not_resumable` when nothing is kept of the conversation that it resumes, with
   * `idempotency_mismatch`, or with `storage_full` while the disk is full.
   */
  createRun(run: NewRun): Promise<{ run: RunRecord; created: boolean }>

  /** Takes the oldest queued run of a kind: queued → starting, attempt + 1. Null when none may start. */
  claim(claim: Claim): Promise<RunRecord | null>

  /**
   * Appends events. Refused with `stale_attempt` unless the attempt is the current one, and with
   * `run_over` when the run is; one refused append fails alone.
   */
  append(runId: string, attempt: number, events: EventInput[]): Promise<Appended>

  /** starting → running, together with the event that says so. Refused as `append` is. */
  markRunning(runId: string, attempt: number, event: EventInput): Promise<RunRecord>

  /** Records which process does the work. Refused as `append` is. */
  recordProcess(runId: string, attempt: number, process: RunProcess): Promise<void>

  /** Records why a run is to end, unless a cause is recorded or the run is over. Null: no such run. */
  requestEnd(runId: string, cause: EndCause): Promise<RunRecord | null>

  /**
   * Puts a question, together with the event that says so. Refused as `append` is. From here on exactly
   * one `permission:resolved` of it comes: by `answerApproval`, or by `finish`.
   */
  requestApproval(runId: string, attempt: number, approval: NewApproval): Promise<void>

  /**
   * Answers a question, together with the `permission:resolved` event, whose data is returned; no attempt
   * is needed. Fails with `not_found`, with `already_answered` (also when the end of the run withdrew the
   * question), or with `storage_full` while the disk is full.
   */
  answerApproval(runId: string, approvalId: string, answer: ApprovalAnswer): Promise<PermissionResolvedEvent>

  /** Keeps more of an agent's conversation. Refused as `append` is. */
  appendTranscript(runId: string, attempt: number, entries: TranscriptEntry[]): Promise<void>

  /**
   * Final state and terminal event, together, once. Questions still open are withdrawn, each with its
   * `permission:resolved` event before the terminal one. Refused as `append` is.
   */
  finish(runId: string, attempt: number, finish: Finish): Promise<RunRecord>

  /** Drops the events up to and including `throughSeq`; the head stays. Resolves with how many went. */
  prune(runId: string, throughSeq: number): Promise<number>

  /**
   * Deletes a run that is over, its log, what is kept of its conversation, its questions and its
   * idempotency key; the counts keep it. Resolves with how
   * many events went; null: no such run. Refused with `run_open` while it is not over.
   */
  deleteRun(runId: string): Promise<number | null>

  /**
   * Frees a bounded piece of what dropped events and deleted runs still take on the disk, so that no
   * append waits long for it. `bytes` is what the disk has back; call again while there is `more`.
   */
  reclaim(): Promise<{ bytes: number; more: boolean }>

  getRun(runId: string): Promise<RunRecord | null>
  listRuns(filter: RunFilter): Promise<{ runs: RunRecord[]; nextCursor: string | null }>
  /**
   * Runs somebody has to bring to an end after a crash, oldest first: those in `starting` or `running`,
   * and queued ones whose end was requested.
   */
  listActive(): Promise<RunRecord[]>
  queueCounts(kind: RunKind): Promise<QueueCounts>

  /** The questions of a run that nobody has answered, oldest first. By a fresh read. */
  openApprovals(runId: string): Promise<{ id: string; expiresAt: number }[]>
  /** A question of a run by a fresh read. Null: no such question, or no such run. */
  getApproval(runId: string, approvalId: string): Promise<Approval | null>
  /** What is kept of a run's conversation, in order; empty when there is none. By a fresh read. */
  readTranscript(runId: string): Promise<TranscriptEntry[]>

  /** What a rule would take, looking at a bounded piece of all runs a call. Null: that was the last piece. */
  expendable(
    rule: RetentionRule,
    cursor: string | null,
  ): Promise<{ found: Expendable[]; nextCursor: string | null }>

  /** Bounds of a log by a fresh read. Null: no such run. */
  bounds(runId: string): Promise<LogBounds | null>
  /** The events after a cursor, by a fresh read. Null: no such run. */
  readAfter(runId: string, page: PageRequest): Promise<LogPage | null>

  /** Returns what ends the listening. A listener must not throw. */
  onCommit(listener: (commit: Commit) => void): () => void
  onStatus(listener: (status: StoreStatus) => void): () => void
  status(): StoreStatus

  /** Commits what was handed over, then releases everything. Later calls are refused. */
  close(): Promise<void>
}
