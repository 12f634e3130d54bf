/** Reads runs: one, a page of a listing, the active ones, and counts. */
import type { DatabaseSync } from 'node:sqlite'
import type { RunKind } from '@millrace/protocol'
import type { ListQuery, Reads } from '#store/batched/backend'
import type { RunRow } from '#store/rules/rows'
import { runColumns, runTables, toRunRow } from '#store/sqlite/run-columns'
import type { OwnerBytes, QueueCounts } from '#store/store'
import { createRunList } from './run-list.ts'

export interface RunReader {
  run(id: string): RunRow | null
  active(): RunRow[]
  silent(before: number): RunRow[]
  list(query: ListQuery): Reads['list']['answer']
  counts(kind: RunKind): QueueCounts
  ownerBytes(owner: string): number
  largestOwners(limit: number): OwnerBytes[]
}

export function createRunReader(db: DatabaseSync): RunReader {
  const selectRun = db.prepare(`SELECT ${runColumns} FROM ${runTables} WHERE runs.id = ?`)
  const selectActive = db.prepare(
    // As `isToBeEnded` of the rules, in two sets, so that each has its index: joined by OR they would
    // read every run there ever was.
    `SELECT ${runColumns} FROM ${runTables} WHERE n IN (
      SELECT n FROM runs WHERE state IN ('starting', 'running')
        AND (lease_until IS NULL AND (parked IS NULL OR parked = 'woken') OR cause IS NOT NULL)
      UNION ALL SELECT n FROM runs WHERE state = 'queued' AND cause IS NOT NULL) ORDER BY n`,
  )
  const selectSilent = db.prepare(`SELECT ${runColumns} FROM ${runTables}
    WHERE lease_until IS NOT NULL AND closed = 0 AND lease_until < ? ORDER BY lease_until LIMIT 100`)
  const selectCounts = db.prepare(`SELECT
    (SELECT count(*) FROM runs WHERE kind = $kind AND state IN ('starting', 'running')) AS running,
    (SELECT count(*) FROM runs WHERE kind = $kind AND state = 'queued') AS pending,
    coalesce(max(completed), 0) AS completed, coalesce(max(failed), 0) AS failed,
    coalesce(max(1.0 * duration_ms / nullif(timed, 0)), 0) AS averageDurationMs
    FROM tallies WHERE kind = $kind`)
  const selectBytes = db.prepare('SELECT bytes FROM owner_bytes WHERE owner = ?')
  const selectLargest = db.prepare(
    'SELECT owner, bytes FROM owner_bytes WHERE bytes > 0 ORDER BY bytes DESC, owner LIMIT ?',
  )

  return {
    run(id) {
      const found = selectRun.get(id)
      return found === undefined ? null : toRunRow(found)
    },
    active: () => selectActive.all().map(toRunRow),
    silent: (before) => selectSilent.all(before).map(toRunRow),
    list: createRunList(db),
    counts: (kind) => selectCounts.get({ kind }) as unknown as QueueCounts,
    ownerBytes: (owner) => Number(selectBytes.get(owner)?.bytes ?? 0),
    largestOwners: (limit) => selectLargest.all(limit) as unknown as OwnerBytes[],
  }
}
