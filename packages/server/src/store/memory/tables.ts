/**
 * What a memory store holds. A store may be closed and another opened on the same tables, as on a file.
 *
 * Runs are kept in the order of their creation, and found by their id; whatever else is asked of them (the
 * oldest of a queue, a page of a listing) looks at all of them. That is right for tests and for programs
 * that keep little.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import type { Message, RunKind } from '@millrace/protocol'
import type { EventsRow } from '#store/batched/page-text'
import type { Credential } from '#store/credentials'
import type { Tally } from '#store/rules/finish'
import type { ProducerRow } from '#store/rules/produce'
import {
  bytesOfEnd,
  bytesOfEntries,
  bytesOfRun,
  bytesOfText,
  producedBytes,
  type QuotaFacts,
} from '#store/rules/room'
import type { NewRunRow, RunRow } from '#store/rules/rows'
import type { TranscriptEntry } from '#store/store'

export interface MemoryRun extends RunRow {
  /** Grows from run to run, and is never given again. */
  readonly n: number
  readonly place: string | null
  readonly idempotency: NewRunRow['idempotency']
  readonly log: EventsRow[]
  readonly approvals: Map<string, MemoryApproval>
  /** By their ids, oldest first. */
  readonly messages: Map<string, Message>
  /** By the ids of their messages. */
  readonly attached: Map<string, string>
  readonly transcript: TranscriptEntry[]
  readonly producers: Map<string, MemoryProducer>
}

export interface MemoryProducer extends ProducerRow {
  /** By the number of the batch. */
  readonly answers: { firstSeq: number; lastSeq: number }[]
}

export interface MemoryApproval {
  readonly expiresAt: number
  readonly call: string | null
  /** JSON; null while it is open. */
  answer: string | null
}

export interface MemoryTables {
  readonly epoch: string
  readonly cursorKey: Buffer
  readonly runs: Map<string, MemoryRun>
  lastN: number
  readonly tallies: Map<RunKind, Tally>
  /** By the hash of the secret. */
  readonly credentials: Map<string, Credential>
}

export function emptyTables(): MemoryTables {
  return {
    epoch: randomUUID(),
    cursorKey: randomBytes(16),
    runs: new Map(),
    lastN: 0,
    tallies: new Map(),
    credentials: new Map(),
  }
}

export function tallyOf({ tallies }: MemoryTables, kind: RunKind): Tally {
  return tallies.get(kind) ?? { completed: 0, failed: 0, timed: 0, durationMs: 0 }
}

export function addToTally(tables: MemoryTables, kind: RunKind, more: Tally): void {
  const sum = tallyOf(tables, kind)
  tables.tallies.set(kind, {
    completed: sum.completed + more.completed,
    failed: sum.failed + more.failed,
    timed: sum.timed + more.timed,
    durationMs: sum.durationMs + more.durationMs,
  })
}

export function ownerBytes({ runs }: MemoryTables, owner: string): number {
  return [...runs.values()].reduce((sum, run) => (run.owner === owner ? sum + bytesOf(run) : sum), 0)
}

/** Looks through all runs only where there is a limit. */
export function quotaFacts(
  tables: MemoryTables,
  { owner }: Pick<MemoryRun, 'owner'>,
  { ownerBytesMax }: Pick<QuotaFacts, 'ownerBytesMax'>,
): QuotaFacts {
  return { owner, ownerBytesMax, ownerBytes: ownerBytesMax === undefined ? 0 : ownerBytes(tables, owner) }
}

function bytesOf(run: MemoryRun): number {
  let bytes = bytesOfRun(run) + bytesOfEnd(run) + bytesOfEntries(run.transcript)
  for (const { body } of run.log) bytes += bytesOfText(body)
  for (const { answer } of run.approvals.values()) bytes += bytesOfText(answer)
  for (const { text } of run.messages.values()) bytes += bytesOfText(text)
  for (const contents of run.attached.values()) bytes += bytesOfText(contents)
  for (const { answers } of run.producers.values()) bytes += answers.length * producedBytes
  return bytes
}

/** The row as it is now; the run may change, the row does not. */
export function toRow(run: MemoryRun): RunRow {
  const { n: _n, place: _place, idempotency: _key, ...rest } = run
  const { log: _log, approvals: _approvals, transcript: _transcript, producers: _producers, ...kept } = rest
  const { messages: _messages, attached: _attached, ...row } = kept
  return row
}
