/**
 * The runs that a transaction writes to, with their logs. Lives as long as the transaction: what the
 * rules ask about a run comes from its row, read inside it, and heads go back to the rows before it
 * commits. Several appends to one run share a row of events.
 *
 * Invariants: a statement that reads or writes a run's row comes after a `flush` of that run; what it
 * changes of the facts is changed here, too.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { EndCause, RunKind, RunState } from '@millrace/protocol'
import { type LogText, rowSize } from '#store/batched/operations'
import type { RunFacts, RunRow } from '#store/rules/rows'

export interface OpenRun extends RunFacts, Pick<RunRow, 'kind' | 'startedAt' | 'leaseUntil'> {
  readonly n: number
  /** The head that its row has. */
  storedHead: number
  /** Events that have numbers and no row yet. */
  pending: { firstSeq: number; jsonBytes: number; text: string } | null
}

type FactsRow = [
  n: number,
  kind: RunKind,
  state: RunState,
  closed: number,
  attempt: number,
  head: number,
  firstSeq: number,
  cause: EndCause | null,
  sealed: number,
  startedAt: number | null,
  leaseUntil: number | null,
]

export interface PendingLog {
  open(id: string): OpenRun | undefined
  /** Takes in a run whose row was just inserted. */
  opened(row: RunRow, n: number): OpenRun
  /** Numbers the events; returns the first number. */
  add(run: OpenRun, log: readonly LogText[]): number
  flush(run: OpenRun): void
  flushAll(): void
  /** Forgets a run whose row is gone; its log must have been flushed. */
  forget(id: string): void
  /** Forgets everything: the transaction is over. */
  clear(): void
}

export function createPendingLog(db: DatabaseSync): PendingLog {
  // An array a row, not an object: this is read for every append.
  const selectRun = db.prepare(`SELECT n, kind, state, closed, attempt, head, first_seq, cause, sealed,
    started_at, lease_until FROM runs WHERE id = ?`)
  selectRun.setReturnArrays(true)
  const updateHead = db.prepare('UPDATE runs SET head = ? WHERE n = ?')
  const insertBatch = db.prepare(
    'INSERT INTO batches (run, first_seq, last_seq, json_bytes, body) VALUES (?, ?, ?, ?, ?)',
  )
  const runs = new Map<string, OpenRun>()

  function open(id: string): OpenRun | undefined {
    const known = runs.get(id)
    if (known !== undefined) return known
    const row = selectRun.get(id) as FactsRow | undefined
    if (row === undefined) return undefined
    const [n, kind, state, closed, attempt, head, firstSeq, cause, sealed, startedAt, leaseUntil] = row
    const own = { kind, state, attempt, head, firstSeq, cause, startedAt, leaseUntil }
    const facts = { ...own, closed: closed === 1, sealed: sealed === 1 }
    const run: OpenRun = { n, ...facts, storedHead: head, pending: null }
    runs.set(id, run)
    return run
  }

  function opened(row: RunRow, n: number): OpenRun {
    const { kind, state, closed, attempt, head, firstSeq, cause, sealed, startedAt, leaseUntil } = row
    const facts = { kind, state, closed, attempt, head, firstSeq, cause, sealed, startedAt, leaseUntil }
    const run: OpenRun = { n, ...facts, storedHead: head, pending: null }
    runs.set(row.id, run)
    return run
  }

  function add(run: OpenRun, log: readonly LogText[]): number {
    const firstSeq = run.head + 1
    for (const { count, overhead, text } of log) {
      if (run.pending !== null && run.pending.text.length + text.length > rowSize) closeRow(run)
      const jsonBytes = Buffer.byteLength(text) - overhead
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
    closeRow(run)
    if (run.head === run.storedHead) return
    updateHead.run(run.head, run.n)
    run.storedHead = run.head
  }

  function flushAll(): void {
    for (const run of runs.values()) flush(run)
  }

  return { open, opened, add, flush, flushAll, forget: (id) => runs.delete(id), clear: () => runs.clear() }
}
