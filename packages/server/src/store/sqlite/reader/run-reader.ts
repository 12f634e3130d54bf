/** Reads runs: one, a page of a listing, the active ones, and counts. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { RunKind } from '@millrace/protocol'
import type { ListQuery, Reads } from '#store/batched/backend'
import type { RunRow } from '#store/rules/rows'
import { runColumns, runTables, toRunRow } from '#store/sqlite/run-columns'
import type { OwnerBytes, QueueCounts } from '#store/store'

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
  const listStatements = new Map<string, StatementSync>()

  function list(query: ListQuery): Reads['list']['answer'] {
    const { kind, state, outcome, project, owner, term } = query
    const wanted = { kind, state, outcome, project, owner }
    const given = Object.entries(wanted).filter(([, value]) => value !== undefined)
    const conditions = ['n < ?', ...given.map(([column]) => `${column} = ?`)]
    if (term !== undefined) conditions.push('instr((SELECT text FROM search WHERE run = n), ?) > 0')
    const sql = `SELECT n, ${runColumns} FROM ${runTables}
      WHERE ${conditions.join(' AND ')} ORDER BY n DESC LIMIT ?`
    const statement = listStatements.get(sql) ?? db.prepare(sql)
    listStatements.set(sql, statement)
    const before = query.before ?? Number.MAX_SAFE_INTEGER
    const values = given.map(([, value]) => value ?? null)
    if (term !== undefined) values.push(term)
    // One row more than the limit shows whether there is another page.
    const found = statement.all(before, ...values, query.limit + 1)
    const rows = found.slice(0, query.limit)
    const nextBefore = found.length > rows.length ? Number(rows.at(-1)?.n) : null
    return { rows: rows.map(({ n: _n, ...row }) => toRunRow(row)), nextBefore }
  }

  return {
    run(id) {
      const found = selectRun.get(id)
      return found === undefined ? null : toRunRow(found)
    },
    active: () => selectActive.all().map(toRunRow),
    silent: (before) => selectSilent.all(before).map(toRunRow),
    list,
    counts: (kind) => selectCounts.get({ kind }) as unknown as QueueCounts,
    ownerBytes: (owner) => Number(selectBytes.get(owner)?.bytes ?? 0),
    largestOwners: (limit) => selectLargest.all(limit) as unknown as OwnerBytes[],
  }
}
