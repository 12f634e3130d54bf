/** The statements on runs' rows, their details and the tallies. */
import type { DatabaseSync } from 'node:sqlite'
import type { RunKind } from '@millrace/protocol'
import type { Claimed } from '#store/rules/claim'
import type { Finished, Tally } from '#store/rules/finish'
import type { NewRunRow, RunRow } from '#store/rules/rows'
import { searchText } from '#store/rules/search'
import { runColumns, runTables, toRunRow } from '#store/sqlite/run-columns'

export function prepareRunStatements(db: DatabaseSync) {
  const selectRow = db.prepare(`SELECT ${runColumns} FROM ${runTables} WHERE n = ?`)
  const updateClaim = db.prepare(
    'UPDATE runs SET state = ?, attempt = ?, node = ?, pid = ?, process_start = ?, parked = ? WHERE n = ?',
  )
  const updateRunning = db.prepare('UPDATE runs SET state = ?, started_at = ? WHERE n = ?')
  const updateProcess = db.prepare('UPDATE runs SET pid = ?, process_start = ? WHERE n = ?')
  const updateCause = db.prepare('UPDATE runs SET cause = ? WHERE n = ?')
  const updateFinished = db.prepare(
    'UPDATE runs SET state = ?, outcome = ?, closed = ?, finished_at = ?, cause = ?, parked = ? WHERE n = ?',
  )
  const updateDetails = db.prepare('UPDATE details SET result = ?, error = ?, usage = ? WHERE run = ?')
  const addTally = db.prepare(`INSERT INTO tallies (kind, completed, failed, timed, duration_ms)
    SELECT kind, ?, ?, ?, ? FROM runs WHERE n = ?
    ON CONFLICT (kind) DO UPDATE SET completed = completed + excluded.completed,
      failed = failed + excluded.failed, timed = timed + excluded.timed,
      duration_ms = duration_ms + excluded.duration_ms`)
  const addProbe = db.prepare(`INSERT INTO meta VALUES ('probes', '1')
    ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1`)

  return {
    ...prepareLookups(db),
    insert: prepareInsert(db),
    read(n: number): RunRow {
      const found = selectRow.get(n)
      if (found === undefined) throw new Error(`run ${n} has no row`)
      return toRunRow(found)
    },
    claim: (n: number, { state, attempt, node, pid, processStart, parked }: Claimed) =>
      updateClaim.run(state, attempt, node, pid, processStart, parked, n),
    markRunning: (n: number, { state, startedAt }: Pick<RunRow, 'state' | 'startedAt'>) =>
      updateRunning.run(state, startedAt, n),
    recordProcess: (n: number, pid: number, startTime: number) => updateProcess.run(pid, startTime, n),
    recordCause: (n: number, { cause }: Pick<RunRow, 'cause'>) => updateCause.run(cause, n),
    finish(
      n: number,
      {
        state,
        outcome,
        closed,
        finishedAt,
        result,
        error,
        usage,
        cause,
        parked,
      }: Finished<unknown>['change'],
    ) {
      updateFinished.run(state, outcome, Number(closed), finishedAt, cause, parked, n)
      updateDetails.run(result, error, usage, n)
    },
    tally: (n: number, { completed, failed, timed, durationMs }: Tally) =>
      addTally.run(completed, failed, timed, durationMs, n),
    probe: () => addProbe.run(),
  }
}

/** Returns the key of the row. What the row does not say about a new run, the schema's defaults do. */
function prepareInsert(db: DatabaseSync): (run: NewRunRow, row: RunRow) => number {
  const insertRun = db.prepare(`INSERT INTO runs
    (id, kind, project, owner, state, attempt, created_at, started_at, lease_until, retry_of, resumes, fork_of, place,
      idempotency_key, fingerprint)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
  const insertDetails = db.prepare('INSERT INTO details (run, spec) VALUES (?, ?)')
  const insertText = db.prepare('INSERT INTO search (run, text) VALUES (?, ?)')

  return ({ place, idempotency }, row) => {
    const key = insertRun.run(
      row.id,
      row.kind,
      row.project,
      row.owner,
      row.state,
      row.attempt,
      row.createdAt,
      row.startedAt,
      row.leaseUntil,
      row.retryOf,
      row.resumes,
      row.forkOf,
      place,
      idempotency?.key ?? null,
      idempotency?.fingerprint ?? null,
    )
    const n = Number(key.lastInsertRowid)
    insertDetails.run(n, row.spec)
    insertText.run(n, searchText(row))
    return n
  }
}

/** What the rules ask about other runs. */
function prepareLookups(db: DatabaseSync) {
  const selectByKey = db.prepare('SELECT id, fingerprint FROM runs WHERE owner = ? AND idempotency_key = ?')
  const selectTaken = db.prepare('SELECT 1 FROM runs WHERE place = ? AND closed = 0')
  const selectActive = db.prepare(
    `SELECT count(*) AS active FROM runs WHERE kind = ? AND node = ? AND state IN ('starting', 'running')`,
  )
  // As `isReady` and `isWaiting` of the rules, each by an index.
  const selectReady = db.prepare(
    `SELECT id FROM runs WHERE kind = ? AND parked = 'ready' AND cause IS NULL ORDER BY n LIMIT 1`,
  )
  const selectOldest = db.prepare(
    `SELECT id FROM runs WHERE kind = ? AND state = 'queued' AND cause IS NULL ORDER BY n LIMIT 1`,
  )

  return {
    findByKey: (owner: string, key: string) =>
      selectByKey.get(owner, key) as { id: string; fingerprint: string | null } | undefined,
    isPlaceTaken: (place: string): boolean => selectTaken.get(place) !== undefined,
    countActive: (kind: RunKind, node: string): number => Number(selectActive.get(kind, node)?.active),
    findOldest(kind: RunKind): string | undefined {
      const found = selectReady.get(kind) ?? selectOldest.get(kind)
      return found === undefined ? undefined : String(found.id)
    },
  }
}
