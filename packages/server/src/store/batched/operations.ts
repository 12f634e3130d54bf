/**
 * The writes a backend is sent, and what it answers. Only plain data, and few objects: operations may
 * cross to another thread, and the events of one append travel as one string (`log-text.ts`), because
 * cloning them one by one cost more than writing them.
 */
import type { EndCause, Message, RunState } from '@millrace/protocol'
import type { Credential } from '#store/credentials'
import type { Ending } from '#store/rules/finish'
import type { MessageWant } from '#store/rules/messages'
import type { Batch } from '#store/rules/produce'
import type { Refusal } from '#store/rules/refusal'
import type { MessageRow, NewRunRow, RunRow } from '#store/rules/rows'
import type { Claim, MessageLimits, TranscriptEntry } from '#store/store'

/**
 * A row of events is closed above this many characters; one event is never cut. That is about what a
 * follower reads at once: a page decodes all of a row and uses a part of it (with rows of 256 KiB a
 * replay took half as long again).
 */
export const rowSize = 64 * 1024

/** Events of one run as text: one line an event, `at type json`. */
export interface LogText {
  count: number
  /** Characters of the text that are not the events' JSON; all of them ASCII. */
  overhead: number
  text: string
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
  | ClaimOperation
  | { op: 'append'; run: string; attempt: number; log: LogText[] }
  | ProduceOperation
  | { op: 'running'; run: string; attempt: number; at: number; log: LogText[] }
  /** `usage`: JSON; null: as it is. */
  | { op: 'park'; run: string; attempt: number; usage: string | null; log: LogText[] }
  | { op: 'wake'; run: string; attempt: number; log: LogText[] }
  | { op: 'process'; run: string; attempt: number; pid: number; startTime: number }
  | { op: 'end'; run: string; cause: EndCause }
  | {
      op: 'ask'
      run: string
      attempt: number
      approval: string
      expiresAt: number
      call: string | null
      log: LogText[]
    }
  /** `answer`: JSON, the data of the event. */
  | {
      op: 'answer'
      run: string
      approval: string
      answer: string
      ownerBytesMax?: number | undefined
      log: LogText[]
    }
  | {
      op: 'say'
      run: string
      message: MessageRow
      contents: string | null
      limits: MessageLimits
      log: LogText[]
    }
  | { op: 'take'; run: string; attempt: number; want: MessageWant; seal: boolean }
  | { op: 'deliver'; run: string; attempt: number; message: string; log: LogText[] }
  | { op: 'withdraw'; run: string; message: string; log: LogText[] }
  | { op: 'seal'; run: string }
  | { op: 'transcript'; run: string; attempt: number; entries: TranscriptEntry[] }
  | FinishOperation
  | { op: 'prune'; run: string; through: number }
  | { op: 'delete'; run: string }
  | { op: 'reclaim' }
  /** Writes a little, to learn whether the disk has room again. */
  | { op: 'probe' }

export interface ClaimOperation extends Claim {
  op: 'claim'
}

export interface ProduceOperation extends Batch {
  op: 'produce'
  run: string
  log: LogText[]
}

export interface FinishOperation extends Ending {
  op: 'finish'
  run: string
  attempt: number
  log: LogText[]
}

export type OperationResult =
  | { kind: 'appended'; firstSeq: number; state: RunState }
  /** A batch that took effect before, as it was answered then. */
  | { kind: 'duplicate'; firstSeq: number; lastSeq: number }
  /**
   * `changed` is false when the operation found everything as it should be. `withdrawn`: events as text
   * that the backend put before those of the operation; `carried`: after them.
   */
  | { kind: 'row'; row: RunRow; changed: boolean; withdrawn?: string; carried?: string }
  | { kind: 'taken'; messages: Message[]; sealed: boolean }
  /** `row`: as it is without the events, or, of a deleted run, as it was. */
  | { kind: 'dropped'; row: RunRow; events: number; changed: boolean }
  | { kind: 'reclaimed'; bytes: number; more: boolean }
  | { kind: 'credential'; credential: Credential }
  /** It took effect, and there is nothing more to say. */
  | { kind: 'done' }
  | { kind: 'none' }
  | Refusal

/** Why the rest of a batch was not written. `full` may pass; `failed` does not. */
export interface Stop {
  kind: 'full' | 'failed'
  message: string
}

export interface BatchReply {
  /** Of the operations that are durable now: all of them, or with `stopped` the first ones. */
  results: OperationResult[]
  stopped: Stop | null
}
