/**
 * What a store's backend supplies: it writes batches of operations and answers reads. Everything else
 * about a store is shared (`open-batched-store.ts`), and what an operation does is in `store/rules`.
 */
import type { LogBounds, Message, RunKind, RunOutcome, RunState } from '@millrace/protocol'
import type { Credential, CredentialKind } from '#store/credentials'
import type { RunRow } from '#store/rules/rows'
import type {
  Approval,
  Commit,
  Expendable,
  OpenApproval,
  OwnerBytes,
  PageRequest,
  QueueCounts,
  RetentionRule,
  TranscriptEntry,
} from '#store/store'
import type { BatchReply, Operation } from './operations.ts'

export interface Backend {
  /** Identity of the log's history; another one once history was lost or restored. */
  readonly epoch: string
  /** 16 bytes that stay with the data: cursors of listings are enciphered with them. */
  readonly cursorKey: Buffer

  /**
   * Writes a batch and resolves when it is durable; the next one is sent after that. Operations take
   * effect in their order and each of them whole or not at all. One that is refused, or that fails by
   * itself, hinders no other. A rejection means that the backend has failed for good.
   *
   * `urgent`: the batch makes room, or ends runs; it may use what the backend keeps for that.
   */
  send(operations: Operation[], urgent?: boolean): Promise<BatchReply>

  /** Answers by a fresh read: with everything that was durable when it was asked. */
  read<Name extends ReadName>(name: Name, ask: Reads[Name]['ask']): Promise<Reads[Name]['answer']>

  /**
   * Announces that what the backend writes to cannot be reached, and why, or, with null, that it can again. The batch that
   * is with the backend meanwhile stays there until it is known what became of it.
   */
  watchAway?(listener: (reason: string | null) => void): void

  /** Tells other nodes of a commit of this one. */
  announce?(commit: Commit): void
  /** Calls the listener with commits of other nodes. */
  watchCommits?(listener: (commit: Commit) => void): void

  /** Resolves, with the reason, when the backend fails while it is asked for nothing. */
  readonly failed: Promise<string>

  /** Called once, when every batch is answered; no call follows. */
  close(): Promise<void>
}

/** One read: what is asked and what is answered. Null stands for a run, or a thing of it, that is unknown. */
export interface Reads {
  run: { ask: { id: string }; answer: RunRow | null }
  /** Newest first. */
  list: { ask: ListQuery; answer: { rows: RunRow[]; nextBefore: number | null } }
  /** Runs to be ended after a crash (`isToBeEnded`), oldest first. */
  active: { ask: object; answer: RunRow[] }
  /** Open runs whose lease ended before this time, oldest first; 100 at most. */
  silent: { ask: { before: number }; answer: RunRow[] }
  counts: { ask: { kind: RunKind }; answer: QueueCounts }
  /** One stretch of the runs after a key. */
  expendable: {
    ask: RetentionRule & { after: number }
    answer: { found: Expendable[]; nextAfter: number | null }
  }
  ownerBytes: { ask: { owner: string }; answer: number }
  /** Most first. */
  largestOwners: { ask: { limit: number }; answer: OwnerBytes[] }
  bounds: { ask: { id: string }; answer: Bounds | null }
  page: { ask: { id: string } & PageRequest; answer: PageText | null }
  /** Open ones, oldest first. */
  approvals: { ask: { run: string }; answer: { id: string; expiresAt: number }[] }
  approval: { ask: { run: string; id: string }; answer: Approval | null }
  /** The newest one about a call. */
  approvalOfCall: { ask: { run: string; call: string }; answer: Approval | null }
  /** Open ones of all runs, those that expire first. */
  waitingApprovals: {
    ask: { owner: string | undefined; before: number; limit: number }
    answer: OpenApproval[]
  }
  /** Those that are not delivered, oldest first. */
  messages: { ask: { run: string }; answer: Message[] }
  message: { ask: { run: string; id: string }; answer: Message | null }
  attachments: { ask: { run: string; id: string }; answer: string[] }
  transcript: { ask: { run: string }; answer: TranscriptEntry[] }
  credential: { ask: { hash: string }; answer: Credential | null }
  liveCredential: { ask: { hash: string; at: number }; answer: Credential | null }
  /** Newest first. */
  credentials: { ask: { kind: CredentialKind }; answer: Credential[] }
  deadCredentials: { ask: { ids: readonly string[]; at: number }; answer: string[] }
}

export type ReadName = keyof Reads

export interface ListQuery {
  owner: string | undefined
  kind: RunKind | undefined
  state: RunState | undefined
  outcome: RunOutcome | undefined
  project: string | undefined
  /** In the form of `searchTerm`; the text of the run (`searchText`) has it. */
  term: string | undefined
  limit: number
  /** Only rows with a smaller key. */
  before: number | undefined
}

export type Bounds = Omit<LogBounds, 'epoch'>

/** A page of a log as text, with the bounds of the log as of the same moment. */
export interface PageText {
  /** `seq` of the first line. */
  firstSeq: number
  text: string
  bounds: Bounds
}
