/**
 * The runs that transactions write to, with their logs. What the rules ask about a run comes from its row,
 * read inside the transaction, and heads go back to the rows before it commits. Several appends to one run
 * share a row of events.
 *
 * Invariants: a statement that reads or writes a run's row comes after a `flush` of that run; what it
 * changes of the facts is changed here, too; whatever a transaction stores for a run is added to what the
 * run takes, and so to what its owner does.
 */
import type { DatabaseSync } from 'node:sqlite'
import { type LogText, rowSize } from '#store/batched/operations'
import type { QuotaFacts } from '#store/rules/room'
import type { RunRow } from '#store/rules/rows'
import { createKnownRuns, type OpenRun } from './known-runs.ts'
import { createOwnerBytes } from './owner-bytes.ts'

export type { OpenRun } from './known-runs.ts'

export interface PendingLog {
  open(id: string): OpenRun | undefined
  /** Takes in a run whose row was just inserted. */
  opened(row: RunRow, n: number): OpenRun
  /** Numbers the events; returns the first number. */
  add(run: OpenRun, log: readonly LogText[]): number
  /** Counts what is stored of the run besides its events; negative: what is no longer. */
  grow(run: OpenRun, bytes: number): void
  /** What the runs of an owner take, as the transaction has it, where there is a limit to it. */
  quotaFacts(run: Pick<RunRow, 'owner'>, ownerBytesMax: number | undefined): QuotaFacts
  /** Counts a run, or beginnings of its log, that are gone. */
  shrinkOwner(owner: string, bytes: number): void
  flush(run: OpenRun): void
  flushAll(): void
  /** Forgets a run whose row is gone; its log must have been flushed. */
  forget(id: string): void
  /** Called first in a transaction: forgets what another connection may have changed since the last one. */
  begin(): void
  /** Forgets everything: the transaction failed. */
  clear(): void
}

export function createPendingLog(db: DatabaseSync): PendingLog {
  const updateHead = db.prepare('UPDATE runs SET head = ?, bytes = bytes + ? WHERE n = ?')
  const insertBatch = db.prepare(
    'INSERT INTO batches (run, first_seq, last_seq, json_bytes, body) VALUES (?, ?, ?, ?, ?)',
  )
  const runs = createKnownRuns(db)
  const owners = createOwnerBytes(db)
  /** Those with events, or other growth, that are not in their rows yet. */
  const grown = new Set<OpenRun>()

  function add(run: OpenRun, log: readonly LogText[]): number {
    const firstSeq = run.head + 1
    grown.add(run)
    for (const { count, overhead, text } of log) {
      if (run.pending !== null && run.pending.text.length + text.length > rowSize) closeRow(run)
      const bytes = Buffer.byteLength(text)
      const jsonBytes = bytes - overhead
      run.grown += bytes
      if (run.pending === null) {
        run.pending = { firstSeq: run.head + 1, jsonBytes, text }
      } else {
        run.pending.jsonBytes += jsonBytes
        run.pending.text += text
      }
      run.head += count
    }
    return firstSeq
  }

  function closeRow(run: OpenRun): void {
    if (run.pending === null) return
    const { firstSeq, jsonBytes, text } = run.pending
    insertBatch.run(run.n, firstSeq, run.head, jsonBytes, text)
    run.pending = null
  }

  function flush(run: OpenRun): void {
    grown.delete(run)
    closeRow(run)
    if (run.head === run.storedHead && run.grown === 0) return
    updateHead.run(run.head, run.grown, run.n)
    owners.add(run.owner, run.grown)
    run.storedHead = run.head
    run.grown = 0
  }

  return {
    ...runs,
    add,
    grow(run, bytes) {
      grown.add(run)
      run.grown += bytes
    },
    quotaFacts({ owner }, ownerBytesMax) {
      const ownerBytes = ownerBytesMax === undefined ? 0 : owners.of(owner) + pendingOf(owner, grown)
      return { owner, ownerBytesMax, ownerBytes }
    },
    shrinkOwner: (owner, bytes) => owners.add(owner, -bytes),
    flush,
    flushAll() {
      for (const run of grown) flush(run)
      owners.write()
    },
    clear() {
      runs.clear()
      grown.clear()
      owners.clear()
    },
  }
}

function pendingOf(owner: string, grown: Iterable<OpenRun>): number {
  let bytes = 0
  for (const run of grown) if (run.owner === owner) bytes += run.grown
  return bytes
}
