/** What the store's port speaks of: runs, events, questions, pages, commits. */
import type {
  ApprovalSource,
  Attachment,
  EndCause,
  FinalState,
  FormValues,
  LogBounds,
  Message,
  PermissionResolvedEvent,
  Run,
  RunKind,
  RunOutcome,
  RunState,
} from '@millrace/protocol'

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
  /** The run whose conversation it begins with, and how many entries of that transcript. Absent: it is no fork. */
  fork?: { of: string; entries: number }
  /** A place has one open run at a time that is exclusive. */
  exclusive: boolean
  /** What an exclusive run has to itself. Default: its project. */
  place?: string
  /** The run is refused while the runs of its owner take this many bytes. Absent: they may take any number. */
  ownerBytesMax?: number | undefined
  /** The first event of the log. */
  queued: EventInput
  /**
   * For a run that nobody here works on: it is running from the start, at attempt 1, and ends as interrupted when
   * `leaseUntil` (milliseconds since the epoch) passes. `started` is the second event.
   */
  detached?: { started: EventInput; leaseUntil: number }
  /** A repeated key of the same owner answers with the first run; with another fingerprint it is an error. */
  idempotency: { key: string; fingerprint: string } | null
}

/** The process that does a run's work, named so that a recycled pid is not mistaken for it. */
export interface RunProcess {
  pid: number
  /** Field 22 of `/proc/<pid>/stat` (clock ticks since boot), or 0 where there is no such thing. */
  startTime: number
}

/**
 * A run without a process. `waiting`: for the answer of a person. `ready`: there is one, and the run can be claimed.
 * `woken`: it is claimed, and the call that was asked about has not begun.
 */
export type ParkedState = 'waiting' | 'ready' | 'woken'

/** A run with what only the inside of the server may know. */
export interface RunRecord extends Run {
  /** The first cause of ending that was recorded, if any. */
  cause: EndCause | null
  process: RunProcess | null
  /** The node that claimed it. */
  node: string | null
  /** Set where it has no process because people are to answer. */
  parked: ParkedState | null
}

/** The run without what only the inside of the server may know. */
export function publicRun(record: RunRecord): Run {
  const { cause: _cause, process: _process, node: _node, parked: _parked, ...run } = record
  return run
}

export interface Claim {
  kind: RunKind
  /** How many runs of the kind may be active (starting or running) on the node at once, this one included. */
  limit: number
  node: string
  /** The projects whose runs the node takes; runs without a project are everybody's. Absent: of all projects. */
  projects?: readonly string[]
  /** How many may be active on all nodes together. Absent: any number. */
  limitOfAll?: number
}

/** A batch of events of a program outside the server. */
export interface ProducerBatch {
  events: EventInput[]
  /** Null: the caller does not count its batches, and a repeated one is appended again. */
  producer: { id: string; epoch: number; seq: number } | null
  /** The run's lease from here on, milliseconds since the epoch. */
  leaseUntil: number
}

export interface Produced extends Appended {
  /** The batch took effect before; this is what it was answered then. */
  duplicate: boolean
}

/** Of no events `lastSeq` is one less than `firstSeq`. */
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
  /**
   * If it takes more than 16 KiB, it is refused with `quota_exceeded` while the runs of the run's owner take this many bytes.
   * Absent: they may take any number.
   */
  ownerBytesMax?: number | undefined
}

/** A question to people. */
export interface NewApproval {
  /** A UUID made by the server. */
  id: string
  /** Milliseconds since the epoch. */
  expiresAt: number
  /** Names the call that is asked about. A later attempt finds the question by it. */
  call?: string | undefined
  /** The `permission:requested` event. */
  event: EventInput
}

export interface NewAttachment extends Attachment {
  /** Base64. */
  data: string
}

export interface MessageLimits {
  /** How many may wait in the run, this one included. */
  waitingMax: number
  /** What those that are not delivered may hold together, this one included: bytes of their texts and their attachments. */
  undeliveredBytesMax: number
  /** The message is refused while the runs of the run's owner take this many bytes. Absent: they may take any number. */
  ownerBytesMax?: number | undefined
}

/** What a person says to the agent of a run. */
export interface NewMessage extends Pick<Message, 'id' | 'mode' | 'text' | 'user'>, MessageLimits {
  attachments?: readonly NewAttachment[] | undefined
  /** The `message:queued` event. */
  event: EventInput
}

export interface TakeMessages {
  /** The one that starts a turn, those that join a turn, or the one that cuts it. */
  want: 'turn' | 'joining' | 'interrupt'
  /** If there are none, the run takes no more from then on. */
  seal: boolean
}

export interface ApprovalAnswer {
  decision: 'allow' | 'deny'
  by: ApprovalSource
  /** Name of the user who answers. */
  user?: string | undefined
  message?: string | undefined
  updatedInput?: Record<string, unknown> | undefined
  values?: FormValues | undefined
  scope?: 'run' | undefined
  /** Milliseconds since the epoch. */
  at: number
  /**
   * If it takes more than 16 KiB, it is refused with `quota_exceeded` while the runs of the run's owner take this many bytes.
   * Absent: they may take any number.
   */
  ownerBytesMax?: number | undefined
}

export interface Park {
  /** What was used so far; null: as it is known. */
  usage: Record<string, unknown> | null
  /** The `run:parked` event; null: the log has it. */
  event: EventInput | null
}

/** A question that nobody has answered. */
export interface OpenApproval {
  runId: string
  id: string
  expiresAt: number
}

export interface Approval {
  id: string
  expiresAt: number
  /** The answer that counts; null while the question is open. */
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
  outcome?: RunOutcome | undefined
  /** Text in the title, the tool, the beginning of the prompt, or the id, whatever its case. */
  q?: string | undefined
  project?: string | undefined
  limit: number
  /** `nextCursor` of the previous page. */
  cursor?: string | undefined
}

export interface PageRequest {
  /** The page has events with a greater `seq`. */
  after: number
  /** The page ends with the event by which its JSON passes this many bytes; it has at least one event. */
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

/** What a commit did to one run. */
export interface Commit {
  runId: string
  change: 'created' | 'updated' | 'finished' | 'deleted'
  state: RunState
  head: number
  /** True when the terminal event is in the log. */
  closed: boolean
  /** The events that this commit added, in order, without a gap; empty when it added none. */
  events: StoredEvent[]
  /** With `deleted`: the run as it was, since nobody can look it up now. Missing where another node deleted it. */
  last?: RunRecord
  /** Another node committed it: it comes without events, and may come late, twice, or never. */
  elsewhere?: true
}

/** What the runs of an owner take in the store: their logs, conversations, messages and specs. */
export interface OwnerBytes {
  owner: string
  bytes: number
}

/** What of a store may be forgotten. */
export interface RetentionRule {
  /** Runs that finished before this time go, milliseconds since the epoch. Null: none. */
  finishedBefore: number | null
  /** Every log that stays keeps no more than this many events, the newest. At least 1. Null: all. */
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

/**
 * `full`: writes wait for room on the disk. `away`: they wait for a database that cannot be reached. `failed`: nothing is
 * acknowledged from here on.
 */
export type StoreStatus =
  | { kind: 'ok' }
  | { kind: 'away'; message: string }
  | { kind: 'full'; message: string }
  | { kind: 'failed'; message: string }
