/**
 * Forgets runs and beginnings of logs.
 *
 * What is forgotten disappears at once, in a transaction of a few small rows. The rows of its events and its conversation
 * are noted as discarded; `reclaim` removes those a piece at a time. The room is the database's: its autovacuum gives it to
 * later rows, and no file shrinks. A note that another node is working on is left to it.
 *
 * Invariants: nothing reads a row that is discarded; the key of a deleted run is never given again, so that its note
 * cannot touch another run's log.
 */
import type { OperationResult, RunOperation } from '#store/batched/operations'
import type { Statement } from '#store/postgres/connection'
import * as rules from '#store/rules/forget'
import { isRefusal, unknownRun } from '#store/rules/refusal'
import { rowOf } from './loaded-runs.ts'
import type { WriterParts } from './writer-parts.ts'

/** The most that one call removes: appends that arrive meanwhile wait for it. */
const pieceRows = 512
const pieceBytes = 4 * 1024 * 1024

/** A note through this `seq` is about a run that is gone as a whole. */
const wholeRun = Number.MAX_SAFE_INTEGER

const statement = (name: string, text: string): Statement => ({ name, text })
const updateFirst = statement('prune run', 'UPDATE runs SET first_seq = $2 WHERE n = $1')
const deleteRow = statement(
  'delete run',
  `WITH a AS (DELETE FROM details WHERE run = $1), b AS (DELETE FROM search WHERE run = $1),
      c AS (DELETE FROM approvals WHERE run = $1), d AS (DELETE FROM producers WHERE run = $1),
      e AS (DELETE FROM producer_batches WHERE run = $1), f AS (DELETE FROM messages WHERE run = $1),
      g AS (DELETE FROM attachments WHERE run = $1)
    DELETE FROM runs WHERE n = $1 RETURNING owner, bytes`,
)
const shrink = statement('shrink run', 'UPDATE runs SET bytes = bytes - $2 WHERE n = $1 RETURNING owner')
const discard = statement(
  'discard',
  `INSERT INTO discarded VALUES ($1, $2)
    ON CONFLICT (run) DO UPDATE SET through = greatest(discarded.through, excluded.through)`,
)
const nextDiscarded = statement(
  'next discarded',
  'SELECT run, through FROM discarded ORDER BY run LIMIT 1 FOR UPDATE SKIP LOCKED',
)
const removeNote = statement('remove note', 'DELETE FROM discarded WHERE run = $1')
const selectBatches = statement(
  'discarded batches',
  `SELECT last_seq AS key, octet_length(body) AS bytes FROM batches WHERE run = $1 AND last_seq <= $2
    ORDER BY last_seq LIMIT $3`,
)
const deleteBatches = statement('delete batches', 'DELETE FROM batches WHERE run = $1 AND last_seq <= $2')
const selectEntries = statement(
  'discarded entries',
  'SELECT n AS key, octet_length(json) AS bytes FROM transcripts WHERE run = $1 ORDER BY n LIMIT $2',
)
const deleteEntries = statement('delete entries', 'DELETE FROM transcripts WHERE run = $1 AND n <= $2')

export interface Forgetter {
  prune(operation: Extract<RunOperation, { op: 'prune' }>): OperationResult
  deleteRun(operation: Extract<RunOperation, { op: 'delete' }>): Promise<OperationResult>
  reclaim(): Promise<OperationResult>
}

export function forgetter({ tx, runs, owners, flush }: WriterParts): Forgetter {
  return {
    prune({ run: id, through }) {
      const run = runs.open(id)
      if (run === undefined) return unknownRun()
      const { firstSeq, events } = rules.prune(run, through)
      if (events > 0) {
        run.firstSeq = firstSeq
        tx.post(updateFirst, [run.n, firstSeq])
        // The row that holds events on both sides stays; reads leave out what is pruned.
        tx.post(discard, [run.n, firstSeq - 1])
      }
      return { kind: 'dropped', row: rowOf(run), events, changed: events > 0 }
    },

    async deleteRun({ run: id }) {
      const run = runs.open(id)
      if (run === undefined) return { kind: 'none' }
      const deleted = rules.deleteRun(run)
      if (isRefusal(deleted)) return deleted
      const row = rowOf(run)
      // What was appended in this batch has to be there to be discarded with the rest.
      flush()
      const [gone] = await tx.ask<{ owner: string; bytes: number }>(deleteRow, [run.n])
      if (gone !== undefined) owners.add(gone.owner, -gone.bytes)
      tx.post(discard, [run.n, wholeRun])
      runs.forget(id)
      return { kind: 'dropped', row, events: deleted.events, changed: true }
    },

    reclaim: async () => ({ kind: 'reclaimed', bytes: 0, more: !(await removeDiscarded({ tx, owners })) }),
  }
}

/** True when nothing discarded is left for this node. */
async function removeDiscarded({ tx, owners }: Pick<WriterParts, 'tx' | 'owners'>): Promise<boolean> {
  const room = { rows: pieceRows, bytes: pieceBytes }
  while (room.rows > 0 && room.bytes > 0) {
    const [note] = await tx.ask<{ run: number; through: number }>(nextDiscarded)
    if (note === undefined) return true
    const { run, through } = note
    const batches = firstOf(await tx.ask<Sized>(selectBatches, [run, through, room.rows]), room)
    if (batches.last > 0) {
      tx.post(deleteBatches, [run, batches.last])
      // A run that is deleted takes nothing since then.
      const [shrunk] = await tx.ask<{ owner: string }>(shrink, [run, batches.bytes])
      if (shrunk !== undefined) owners.add(shrunk.owner, -batches.bytes)
    }
    if (!batches.all) continue
    if (through === wholeRun) {
      const entries = firstOf(await tx.ask<Sized>(selectEntries, [run, room.rows]), room)
      if (entries.last > 0) tx.post(deleteEntries, [run, entries.last])
      if (!entries.all) continue
    }
    tx.post(removeNote, [run])
  }
  return false
}

interface Sized {
  key: number
  bytes: number
}

/** Finds how many of the rows fit into the room, and takes it. `all`: there are no rows besides those found. */
function firstOf(
  found: readonly Sized[],
  room: { rows: number; bytes: number },
): { last: number; bytes: number; all: boolean } {
  let last = 0
  let sum = 0
  let taken = 0
  for (const { key, bytes } of found) {
    if (room.bytes <= 0) break
    last = key
    taken += 1
    room.rows -= 1
    room.bytes -= bytes
    sum += bytes
  }
  return { last, bytes: sum, all: taken === found.length && room.rows > 0 }
}
