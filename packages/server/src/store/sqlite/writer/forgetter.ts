/**
 * Forgets runs and beginnings of logs, inside the transaction of their batch.
 *
 * What is forgotten is out of everybody's sight at once, in a transaction of a few small rows; the rows
 * of its events and its conversation are noted as discarded, and `reclaim` removes those a piece at a time, then gives free
 * pages back to the file system. A crash in between leaves the note, and the next call goes on.
 *
 * Invariants: nothing reads a row that is discarded; the key of a deleted run is never given again
 * (AUTOINCREMENT), so that its note cannot touch another's log.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { OperationResult, RunRow } from '#store/batched/operations'
import { runColumns, runTables } from '#store/sqlite/run-row'
import { unknownRun } from './fence.ts'
import type { PendingLog } from './pending-log.ts'

/** What one call removes at most: appends that arrive meanwhile wait for it. */
const pieceRows = 512
const pieceBytes = 4 * 1024 * 1024
const piecePages = 1024

/** A note of this much is of a run that is gone as a whole. */
const wholeRun = Number.MAX_SAFE_INTEGER

/** Free pages that stay in the file, where new events find room without its growing again. */
const sparePages = 2048
const spareShare = 0.1

export interface Forgetter {
  prune(id: string, through: number): OperationResult
  deleteRun(id: string): OperationResult
  reclaim(): OperationResult
}

export function createForgetter(db: DatabaseSync, log: PendingLog): Forgetter {
  const selectRow = db.prepare(`SELECT ${runColumns} FROM ${runTables} WHERE n = ?`)
  const selectFirst = db.prepare('SELECT first_seq AS firstSeq FROM runs WHERE n = ?')
  const updateFirst = db.prepare('UPDATE runs SET first_seq = ? WHERE n = ?')
  const deleteRow = db.prepare('DELETE FROM runs WHERE n = ?')
  const deleteDetails = db.prepare('DELETE FROM details WHERE run = ?')
  const deleteApprovals = db.prepare('DELETE FROM approvals WHERE run = ?')
  const discard = db.prepare(`INSERT INTO discarded VALUES ($run, $through)
    ON CONFLICT (run) DO UPDATE SET through = max(through, excluded.through)`)
  const nextDiscarded = db.prepare('SELECT run, through FROM discarded LIMIT 1')
  const removeNote = db.prepare('DELETE FROM discarded WHERE run = ?')
  const selectBatches = db.prepare(`SELECT last_seq AS key, json_bytes AS bytes FROM batches
    WHERE run = ? AND last_seq <= ? ORDER BY last_seq LIMIT ?`)
  const deleteBatches = db.prepare('DELETE FROM batches WHERE run = ? AND last_seq <= ?')
  const selectEntries = db.prepare(`SELECT n AS key, octet_length(json) AS bytes FROM transcripts
    WHERE run = ? ORDER BY n LIMIT ?`)
  const deleteEntries = db.prepare('DELETE FROM transcripts WHERE run = ? AND n <= ?')
  const pageSize = Number(db.prepare('PRAGMA page_size').get()?.page_size)
  const pageCount = db.prepare('PRAGMA page_count')
  const freeCount = db.prepare('PRAGMA freelist_count')

  function prune(id: string, through: number): OperationResult {
    const run = log.open(id)
    if (run === undefined) return unknownRun()
    log.flush(run)
    const before = firstSeqOf(run.n)
    const firstSeq = Math.max(before, Math.min(through, run.head) + 1)
    const changed = firstSeq > before
    if (changed) {
      updateFirst.run(firstSeq, run.n)
      // The row that holds events on both sides stays; reads leave out what is pruned.
      discard.run({ run: run.n, through: firstSeq - 1 })
    }
    return { kind: 'dropped', row: rowOf(run.n), events: firstSeq - before, changed }
  }

  function deleteRun(id: string): OperationResult {
    const run = log.open(id)
    if (run === undefined) return { kind: 'none' }
    if (!run.closed) return { kind: 'refused', code: 'run_open', message: 'The run is not over' }
    log.flush(run)
    const events = run.head + 1 - firstSeqOf(run.n)
    const row = rowOf(run.n)
    deleteRow.run(run.n)
    deleteDetails.run(run.n)
    deleteApprovals.run(run.n)
    discard.run({ run: run.n, through: wholeRun })
    log.forget(id)
    return { kind: 'dropped', row, events, changed: true }
  }

  function reclaim(): OperationResult {
    const cleared = removeDiscarded()
    const bytes = cleared ? giveBackPages() * pageSize : 0
    return { kind: 'reclaimed', bytes, more: !cleared || bytes > 0 }
  }

  /** True when nothing discarded is left. */
  function removeDiscarded(): boolean {
    const room = { rows: pieceRows, bytes: pieceBytes }
    while (room.rows > 0 && room.bytes > 0) {
      const note = nextDiscarded.get()
      if (note === undefined) return true
      const [run, through] = [Number(note.run), Number(note.through)]
      const batches = firstOf(selectBatches.all(run, through, room.rows), room)
      if (batches.last > 0) deleteBatches.run(run, batches.last)
      if (!batches.all) continue
      if (through === wholeRun) {
        const entries = firstOf(selectEntries.all(run, room.rows), room)
        if (entries.last > 0) deleteEntries.run(run, entries.last)
        if (!entries.all) continue
      }
      removeNote.run(run)
    }
    return false
  }

  /** Returns how many pages the file is shorter by. A file without auto-vacuum keeps them all. */
  function giveBackPages(): number {
    const before = Number(pageCount.get()?.page_count)
    const excess = Number(freeCount.get()?.freelist_count) - Math.max(sparePages, before * spareShare)
    if (excess < 1) return 0
    db.exec(`PRAGMA incremental_vacuum(${Math.min(piecePages, Math.floor(excess))})`)
    return before - Number(pageCount.get()?.page_count)
  }

  function firstSeqOf(n: number): number {
    return Number(selectFirst.get(n)?.firstSeq)
  }

  function rowOf(n: number): RunRow {
    return selectRow.get(n) as unknown as RunRow
  }

  return { prune, deleteRun, reclaim }
}

/** How many of the rows there is room for; takes it. `all`: these were all there are, not only all found. */
function firstOf(
  found: readonly Record<string, unknown>[],
  room: { rows: number; bytes: number },
): { last: number; all: boolean } {
  let last = 0
  let taken = 0
  for (const row of found) {
    if (room.bytes <= 0) break
    last = Number(row.key)
    taken += 1
    room.rows -= 1
    room.bytes -= Number(row.bytes)
  }
  return { last, all: taken === found.length && room.rows > 0 }
}
