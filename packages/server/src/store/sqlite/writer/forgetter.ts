/**
 * Forgets runs and beginnings of logs, inside the transaction of their batch.
 *
 * What is forgotten disappears at once, in a transaction of a few small rows. The rows of its events and
 * its conversation are noted as discarded; `reclaim` removes those a piece at a time, then gives free
 * pages back to the file system. A crash in between leaves the note, and the next call resumes there.
 *
 * Invariants: nothing reads a row that is discarded; the key of a deleted run is never given again
 * (AUTOINCREMENT), so that its note cannot touch another run's log.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { OperationResult } from '#store/batched/operations'
import * as rules from '#store/rules/forget'
import { isRefusal, unknownRun } from '#store/rules/refusal'
import type { RunRow } from '#store/rules/rows'
import { runColumns, runTables, toRunRow } from '#store/sqlite/run-columns'
import type { PendingLog } from './pending-log.ts'

/** The most that one call removes: appends that arrive meanwhile wait for it. */
const pieceRows = 512
const pieceBytes = 4 * 1024 * 1024
const piecePages = 1024

/** A note through this `seq` is about a run that is gone as a whole. */
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
  const updateFirst = db.prepare('UPDATE runs SET first_seq = ? WHERE n = ?')
  const deleteRow = db.prepare('DELETE FROM runs WHERE n = ? RETURNING owner, bytes')
  const shrink = db.prepare('UPDATE runs SET bytes = bytes - ? WHERE n = ? RETURNING owner')
  const deleteDetails = db.prepare('DELETE FROM details WHERE run = ?')
  const deleteText = db.prepare('DELETE FROM search WHERE run = ?')
  const deleteApprovals = db.prepare('DELETE FROM approvals WHERE run = ?')
  const deleteMessages = db.prepare('DELETE FROM messages WHERE run = ?')
  const deleteAttachments = db.prepare('DELETE FROM attachments WHERE run = ?')
  const deleteProducers = db.prepare('DELETE FROM producers WHERE run = ?')
  const deleteProduced = db.prepare('DELETE FROM producer_batches WHERE run = ?')
  const discard = db.prepare(`INSERT INTO discarded VALUES ($run, $through)
    ON CONFLICT (run) DO UPDATE SET through = max(through, excluded.through)`)
  const nextDiscarded = db.prepare('SELECT run, through FROM discarded LIMIT 1')
  const removeNote = db.prepare('DELETE FROM discarded WHERE run = ?')
  const selectBatches = db.prepare(`SELECT last_seq AS key, octet_length(body) AS bytes FROM batches
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
    const pruned = rules.prune(run, through)
    log.flush(run)
    if (pruned.events > 0) {
      run.firstSeq = pruned.firstSeq
      updateFirst.run(run.firstSeq, run.n)
      // The row that holds events on both sides stays; reads leave out what is pruned.
      discard.run({ run: run.n, through: run.firstSeq - 1 })
    }
    return { kind: 'dropped', row: rowOf(run.n), events: pruned.events, changed: pruned.events > 0 }
  }

  function deleteRun(id: string): OperationResult {
    const run = log.open(id)
    if (run === undefined) return { kind: 'none' }
    const deleted = rules.deleteRun(run)
    if (isRefusal(deleted)) return deleted
    log.flush(run)
    const row = rowOf(run.n)
    const gone = deleteRow.get(run.n)
    log.shrinkOwner(String(gone?.owner), Number(gone?.bytes))
    deleteDetails.run(run.n)
    deleteText.run(run.n)
    deleteApprovals.run(run.n)
    deleteMessages.run(run.n)
    deleteAttachments.run(run.n)
    deleteProducers.run(run.n)
    deleteProduced.run(run.n)
    discard.run({ run: run.n, through: wholeRun })
    log.forget(id)
    return { kind: 'dropped', row, events: deleted.events, changed: true }
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
      // A run that is deleted takes nothing since then.
      const owner = batches.bytes > 0 ? shrink.get(batches.bytes, run)?.owner : undefined
      if (owner !== undefined) log.shrinkOwner(String(owner), batches.bytes)
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

  /** Returns by how many pages the file shrank. A file without auto-vacuum keeps them all. */
  function giveBackPages(): number {
    const before = Number(pageCount.get()?.page_count)
    const excess = Number(freeCount.get()?.freelist_count) - Math.max(sparePages, before * spareShare)
    if (excess < 1) return 0
    db.exec(`PRAGMA incremental_vacuum(${Math.min(piecePages, Math.floor(excess))})`)
    return before - Number(pageCount.get()?.page_count)
  }

  function rowOf(n: number): RunRow {
    const found = selectRow.get(n)
    if (found === undefined) throw new Error(`run ${n} has no row`)
    return toRunRow(found)
  }

  return { prune, deleteRun, reclaim }
}

/** Finds how many of the rows fit into the room, and takes it. `all`: there are no rows besides those found. */
function firstOf(
  found: readonly Record<string, unknown>[],
  room: { rows: number; bytes: number },
): { last: number; bytes: number; all: boolean } {
  let last = 0
  let bytes = 0
  let taken = 0
  for (const row of found) {
    if (room.bytes <= 0) break
    last = Number(row.key)
    taken += 1
    room.rows -= 1
    room.bytes -= Number(row.bytes)
    bytes += Number(row.bytes)
  }
  return { last, bytes, all: taken === found.length && room.rows > 0 }
}
