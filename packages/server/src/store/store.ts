/**
 * The store's port: where runs and events live.
 *
 * Every method is asynchronous, every write is one atomic unit, and the promise of a write resolves only
 * when it is on disk. Writes that are called in one turn take effect in the order of their calls. Callers
 * depend on the part they call; a store is all of them, and passes `@millrace/store-conformance`.
 */
import type { EndCause, LogBounds, Message, PermissionResolvedEvent, RunKind } from '@millrace/protocol'
import type { CredentialStore } from './credentials.ts'
import type {
  Appended,
  Approval,
  ApprovalAnswer,
  Claim,
  Commit,
  EventInput,
  Expendable,
  Finish,
  LogPage,
  NewApproval,
  NewMessage,
  NewRun,
  OpenApproval,
  OwnerBytes,
  PageRequest,
  Park,
  Produced,
  ProducerBatch,
  QueueCounts,
  RetentionRule,
  RunFilter,
  RunProcess,
  RunRecord,
  StoreStatus,
  TakeMessages,
  TranscriptEntry,
} from './records.ts'
import type { SharedStore } from './shared.ts'

export type * from './credentials.ts'
export { quotaMessage } from './quota-message.ts'
export type * from './records.ts'
export { publicRun } from './records.ts'
export type * from './shared.ts'

export interface RunStore {
  /**
   * Puts a run in the queue. `created` is false when the idempotency key was known.
   * With `resumes`, the new run begins with a copy of that run's transcript, and with the messages that were not
   * delivered there: they wait here, each with its `message:queued` event after the run's first events.
   * With `fork`, it begins with a copy of the first entries of a transcript.
   * Fails with `project_busy` when the run is exclusive and its place has an open run that is, with
   * `not_resumable` when no transcript of the resumed or forked run is kept, with `quota_exceeded` while its owner's
   * runs take as much as they may, with `idempotency_mismatch`, or with `storage_full` while the disk is full, or
   * `storage_away` while the database cannot be reached.
   */
  createRun(run: NewRun): Promise<{ run: RunRecord; created: boolean }>

  /**
   * Takes the oldest run of a kind that was parked and is ready, which stays running, or else the oldest queued one:
   * queued → starting. Attempt + 1. Null when none may start.
   */
  claim(claim: Claim): Promise<RunRecord | null>

  /** starting → running, together with the event that says so. Refused as `append` is. */
  markRunning(runId: string, attempt: number, event: EventInput): Promise<RunRecord>

  /**
   * The run needs no process until people have answered: it belongs to no node, and is claimed again when no question of
   * it is open, or a message is to cut its turn. Messages that were taken and not delivered wait again. Null: the run is
   * to end. Refused as `append` is.
   */
  park(runId: string, attempt: number, park: Park): Promise<RunRecord | null>

  /** The call that was asked about begins, or is refused: from here on a crash interrupts the run. Refused as `append` is. */
  wake(runId: string, attempt: number, event: EventInput): Promise<RunRecord>

  /** Records which process does the work. Refused as `append` is. */
  recordProcess(runId: string, attempt: number, process: RunProcess): Promise<void>

  /** Records why a run is to end, unless a cause is recorded or the run is over. Null: no such run. */
  requestEnd(runId: string, cause: EndCause): Promise<RunRecord | null>

  /**
   * Final state and terminal event, together, once. Questions still open are withdrawn, each with its
   * `permission:resolved` event before the terminal one. Refused as `append` is.
   */
  finish(runId: string, attempt: number, finish: Finish): Promise<RunRecord>

  getRun(runId: string): Promise<RunRecord | null>
  listRuns(filter: RunFilter): Promise<{ runs: RunRecord[]; nextCursor: string | null }>
  /**
   * Runs to be brought to an end after a crash, or to be parked again (`woken`), oldest first: those `starting` or
   * `running` that do not wait for people, and open ones whose end was requested.
   */
  listActive(): Promise<RunRecord[]>
  queueCounts(kind: RunKind): Promise<QueueCounts>
}

export interface LogStore {
  /** Identity of the log's history. */
  readonly epoch: string

  /**
   * Appends events. Refused with `stale_attempt` unless the attempt is the current one, with `run_over`
   * when the run is, with `not_found` when there is no such run. One refused append fails alone.
   */
  append(runId: string, attempt: number, events: EventInput[]): Promise<Appended>

  /** A run and the bounds of its log, by one fresh read. Null: no such run. */
  getRunWithBounds(runId: string): Promise<{ run: RunRecord; bounds: LogBounds } | null>
  /** Bounds of a log by a fresh read. Null: no such run. */
  bounds(runId: string): Promise<LogBounds | null>
  /** The events after a cursor, by a fresh read. Null: no such run. */
  readAfter(runId: string, page: PageRequest): Promise<LogPage | null>
}

/** Runs that a program outside the server works on. */
export interface ProducerStore {
  /**
   * Appends a batch exactly once, and renews the run's lease, which it never shortens. No attempt is needed: producers are fenced by
   * their own epochs. Refused with `fenced` for an older epoch, with `sequence_gap` when an earlier batch is
   * missing (`details.expectedSeq`), with `run_over` and `not_found` as `append` is.
   */
  produce(runId: string, batch: ProducerBatch): Promise<Produced>
  /**
   * Ends a run for its silence, with the cause `crash`; otherwise as `finish` does. Null: its lease did not end before
   * this time, since a batch renewed it, or another cause is recorded; then nothing is written.
   */
  finishSilent(
    runId: string,
    attempt: number,
    finish: Finish,
    silentBefore: number,
  ): Promise<RunRecord | null>
  /** Open runs whose lease ended before this time, milliseconds since the epoch. A bounded number, oldest first. */
  listSilent(before: number): Promise<RunRecord[]>
}

export interface ApprovalStore {
  /**
   * Puts a question, together with the event that says so. Refused as `append` is. Exactly one
   * `permission:resolved` follows: by `answerApproval`, or by `finish`.
   */
  requestApproval(runId: string, attempt: number, approval: NewApproval): Promise<void>

  /**
   * Answers a question, together with the `permission:resolved` event, whose data is returned; no attempt
   * is needed. Fails with `not_found`, with `already_answered` (also when the end of the run withdrew the
   * question), with `quota_exceeded`, or with `storage_full` while the disk is full.
   */
  answerApproval(runId: string, approvalId: string, answer: ApprovalAnswer): Promise<PermissionResolvedEvent>

  /** The questions of a run that nobody has answered, oldest first. By a fresh read. */
  openApprovals(runId: string): Promise<{ id: string; expiresAt: number }[]>
  /** Open questions of all runs, those that expire first; only before this time, and of one owner, where given. By a fresh read. */
  waitingApprovals(about: {
    owner?: string | undefined
    before?: number | undefined
    limit: number
  }): Promise<OpenApproval[]>
  /** The newest question of a run about a call, by a fresh read. Null: there is none. */
  approvalOfCall(runId: string, call: string): Promise<Approval | null>
  /** A question of a run by a fresh read. Null: no such question, or no such run. */
  getApproval(runId: string, approvalId: string): Promise<Approval | null>
}

/** What people say to the agents of runs. A message changes together with the event that says so. */
export interface MessageStore {
  /**
   * Accepts a message. Fails with `not_found`, with `run_over`, with `not_listening` once the run is sealed, with
   * `too_many_messages`, with `quota_exceeded` while the runs of the run's owner take `ownerBytesMax`, or with
   * `storage_full` while the disk is full.
   */
  acceptMessage(runId: string, message: NewMessage): Promise<void>
  /**
   * Takes messages for the agent, in their order: nobody can withdraw them from then on. `sealed`: the run takes no
   * more, and none waits. Refused as `append` is.
   */
  takeMessages(
    runId: string,
    attempt: number,
    take: TakeMessages,
  ): Promise<{ messages: Message[]; sealed: boolean }>
  /** Records that a message that was taken is part of the conversation; once. Refused as `append` is. */
  deliverMessage(runId: string, attempt: number, messageId: string, event: EventInput): Promise<void>
  /**
   * Takes back a message. Fails with `not_found`, with `message_taken` when the agent has it or it is withdrawn
   * already, with `run_over`, or with `storage_full` while the disk is full.
   */
  withdrawMessage(runId: string, messageId: string, event: EventInput): Promise<void>
  /** From here on the run takes no messages. Fails with `not_found`, or with `run_over`. */
  sealRun(runId: string): Promise<RunRecord>

  /** Messages of a run that are not delivered, oldest first, also once the run is over. By a fresh read. */
  undeliveredMessages(runId: string): Promise<Message[]>
  /** A message of a run by a fresh read. Null: no such message, or no such run. */
  getMessage(runId: string, messageId: string): Promise<Message | null>
  /**
   * The attachments of a message that is not delivered, in base64, in the order in which the message names them; of another
   * message none. By a fresh read.
   */
  readAttachments(runId: string, messageId: string): Promise<string[]>
}

export interface TranscriptStore {
  /** Keeps more of an agent's conversation. Refused as `append` is. */
  appendTranscript(runId: string, attempt: number, entries: TranscriptEntry[]): Promise<void>
  /** What is kept of a run's conversation, in order; empty when nothing is. By a fresh read. */
  readTranscript(runId: string): Promise<TranscriptEntry[]>
}

export interface RetentionStore {
  /** Drops the events up to and including `throughSeq`; the head stays. Resolves with how many went. */
  prune(runId: string, throughSeq: number): Promise<number>

  /**
   * Deletes a run that is over, with its log, its transcript, its questions, its messages and its idempotency
   * key; the
   * counts keep it. Resolves with how many events went; null: no such run. Refused with `run_open` while
   * it is not over.
   */
  deleteRun(runId: string): Promise<number | null>

  /**
   * Frees a bounded piece of the room that dropped events and deleted runs still take, so that no append
   * waits long for it. `bytes` is what the disk has back; call again while there is `more`.
   */
  reclaim(): Promise<{ bytes: number; more: boolean }>

  /** What a rule would take; each call looks at a bounded piece of all runs. Null: that was the last piece. */
  expendable(
    rule: RetentionRule,
    cursor: string | null,
  ): Promise<{ found: Expendable[]; nextCursor: string | null }>
}

/** What owners take of the store, counted by the writes themselves (`rules/room.ts`): an answer reads no log. */
export interface RoomStore {
  /** What the runs of an owner take. What is deleted counts no longer; what is pruned, until it is reclaimed. */
  ownerBytes(owner: string): Promise<number>
  /** Those whose runs take most, most first. */
  largestOwners(limit: number): Promise<OwnerBytes[]>
}

export interface CommitFeed {
  /**
   * Announces each commit, in order: after it is on disk and the promises of its writes are resolved, and
   * before what awaits them runs. Returns a function that ends the listening. A listener must not throw.
   */
  onCommit(listener: (commit: Commit) => void): () => void
}

export interface StoreHealth {
  status(): StoreStatus
  onStatus(listener: (status: StoreStatus) => void): () => void
}

export interface Store
  extends RunStore,
    LogStore,
    ProducerStore,
    ApprovalStore,
    MessageStore,
    TranscriptStore,
    RetentionStore,
    RoomStore,
    CommitFeed,
    StoreHealth {
  readonly credentials: CredentialStore
  /** Of a store that several nodes share. */
  readonly shared?: SharedStore
  /** Commits what was handed over, then releases everything. Later calls are refused with `draining`. */
  close(): Promise<void>
}
