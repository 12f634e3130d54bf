/** What each operation does to a run's row and log, inside the transaction of its batch. */
import type { DatabaseSync } from 'node:sqlite'
import type { FinishOperation, OperationResult, RunOperation, RunRow } from '#store/batched/operations'
import { failureKind, messageOf } from '#store/sqlite/database'
import { runColumns, runTables } from '#store/sqlite/run-row'
import { createApprovalWriter } from './approval-writer.ts'
import { fence, refused } from './fence.ts'
import { createForgetter } from './forgetter.ts'
import type { OpenRun, PendingLog } from './pending-log.ts'
import { createTranscriptWriter } from './transcript-writer.ts'

type OperationOf<Op extends RunOperation['op']> = Extract<RunOperation, { op: Op }>

export function createRunWriter(
  db: DatabaseSync,
  log: PendingLog,
): (operation: RunOperation) => OperationResult {
  const sql = prepare(db)
  const forgetter = createForgetter(db, log)
  const approvals = createApprovalWriter(db, log)
  const transcripts = createTranscriptWriter(db, log)

  function apply(operation: RunOperation): OperationResult {
    switch (operation.op) {
      case 'append':
        return append(operation)
      case 'create':
        return create(operation)
      case 'claim':
        return claim(operation)
      case 'running':
        return markRunning(operation)
      case 'process':
        return recordProcess(operation)
      case 'end':
        return requestEnd(operation)
      case 'ask':
        return approvals.ask(operation)
      case 'answer':
        return approvals.answer(operation)
      case 'transcript':
        return transcripts.append(operation)
      case 'finish':
        return finish(operation)
      case 'prune':
        return forgetter.prune(operation.run, operation.through)
      case 'delete':
        return forgetter.deleteRun(operation.run)
      case 'reclaim':
        return forgetter.reclaim()
      case 'probe':
        sql.probe.run()
        return { kind: 'none' }
      default:
        return operation satisfies never
    }
  }

  function append(operation: OperationOf<'append'>): OperationResult {
    const run = fence(log, operation)
    if ('kind' in run) return run
    return { kind: 'appended', firstSeq: log.add(run, operation.log), state: run.state }
  }

  function create({ run, log: events }: OperationOf<'create'>): OperationResult {
    const { idempotency } = run
    if (idempotency !== null) {
      const known = sql.byIdempotencyKey.get(run.owner, idempotency.key)
      if (known !== undefined) {
        if (known.fingerprint !== idempotency.fingerprint) {
          return refused('idempotency_mismatch', 'The idempotency key was used for another request')
        }
        const first = log.open(String(known.id))
        if (first !== undefined) return row(first, false)
      }
    }
    if (run.resumes !== null && !transcripts.isKept(run.resumes)) {
      return refused('not_resumable', 'Nothing is kept of the conversation')
    }
    let n: number
    try {
      n = Number(
        sql.insertRun.run(
          run.id,
          run.kind,
          run.project,
          run.owner,
          run.createdAt,
          run.retryOf,
          run.resumes,
          Number(run.exclusive),
          idempotency?.key ?? null,
          idempotency?.fingerprint ?? null,
        ).lastInsertRowid,
      )
    } catch (error) {
      if (failureKind(error) !== 'constraint') throw error
      // `project` alone is unique in one index only: that of open exclusive runs.
      if (messageOf(error).includes('runs.project')) {
        return refused('project_busy', 'Project already has an active agent session')
      }
      return refused('internal', messageOf(error))
    }
    sql.insertDetails.run(n, run.spec)
    if (run.resumes !== null) transcripts.copy(run.resumes, n)
    const opened = log.opened(run.id, n)
    log.add(opened, events)
    return row(opened, true)
  }

  function claim({ kind, limit, node }: OperationOf<'claim'>): OperationResult {
    if (Number(sql.countActive.get(kind)?.active) >= limit) return { kind: 'none' }
    const oldest = sql.oldestQueued.get(kind)
    const run = oldest === undefined ? undefined : log.open(String(oldest.id))
    if (run === undefined) return { kind: 'none' }
    run.state = 'starting'
    run.attempt += 1
    sql.claim.run(run.attempt, node, run.n)
    return row(run, true)
  }

  function markRunning(operation: OperationOf<'running'>): OperationResult {
    const run = fence(log, operation)
    if ('kind' in run) return run
    if (run.state !== 'starting') return refused('stale_attempt', `A ${run.state} run cannot become running`)
    log.add(run, operation.log)
    run.state = 'running'
    sql.markRunning.run(operation.at, run.n)
    return row(run, true)
  }

  function recordProcess(operation: OperationOf<'process'>): OperationResult {
    const run = fence(log, operation)
    if ('kind' in run) return run
    sql.recordProcess.run(operation.pid, operation.startTime, run.n)
    return row(run, true)
  }

  function requestEnd({ run: id, cause }: OperationOf<'end'>): OperationResult {
    const run = log.open(id)
    if (run === undefined) return { kind: 'none' }
    return row(run, sql.requestEnd.run(cause, run.n).changes === 1)
  }

  function finish(operation: FinishOperation): OperationResult {
    const run = fence(log, operation)
    if ('kind' in run) return run
    const withdrawn = approvals.withdraw(run, operation.at)
    log.add(run, operation.log)
    run.state = operation.state
    run.closed = true
    sql.finish.run(operation.state, operation.at, run.n)
    sql.finishDetails.run(operation.result, operation.error, operation.usage, run.n)
    sql.tally.run(run.n)
    return withdrawn === '' ? row(run, true) : { ...row(run, true), withdrawn }
  }

  function row(run: OpenRun, changed: boolean): Extract<OperationResult, { kind: 'row' }> {
    log.flush(run)
    return { kind: 'row', row: sql.row.get(run.n) as unknown as RunRow, changed }
  }

  return apply
}

function prepare(db: DatabaseSync) {
  return {
    row: db.prepare(`SELECT ${runColumns} FROM ${runTables} WHERE n = ?`),
    byIdempotencyKey: db.prepare('SELECT id, fingerprint FROM runs WHERE owner = ? AND idempotency_key = ?'),
    insertRun: db.prepare(`INSERT INTO runs
      (id, kind, project, owner, created_at, retry_of, resumes, exclusive, idempotency_key, fingerprint)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    insertDetails: db.prepare('INSERT INTO details (run, spec) VALUES (?, ?)'),
    countActive: db.prepare(
      `SELECT count(*) AS active FROM runs WHERE kind = ? AND state IN ('starting', 'running')`,
    ),
    // A queued run whose end was asked for is not started any more.
    oldestQueued: db.prepare(
      `SELECT id FROM runs WHERE kind = ? AND state = 'queued' AND cause IS NULL ORDER BY n LIMIT 1`,
    ),
    claim: db.prepare(`UPDATE runs SET state = 'starting', attempt = ?, node = ?,
      pid = NULL, process_start = NULL WHERE n = ?`),
    markRunning: db.prepare(`UPDATE runs SET state = 'running', started_at = ? WHERE n = ?`),
    recordProcess: db.prepare('UPDATE runs SET pid = ?, process_start = ? WHERE n = ?'),
    requestEnd: db.prepare('UPDATE runs SET cause = ? WHERE n = ? AND closed = 0 AND cause IS NULL'),
    finish: db.prepare('UPDATE runs SET state = ?, closed = 1, finished_at = ? WHERE n = ?'),
    finishDetails: db.prepare('UPDATE details SET result = ?, error = ?, usage = ? WHERE run = ?'),
    tally: db.prepare(`INSERT INTO tallies (kind, completed, failed, timed, duration_ms)
      SELECT kind, state = 'completed', state <> 'completed',
        state = 'completed' AND started_at IS NOT NULL,
        iif(state = 'completed', coalesce(finished_at - started_at, 0), 0)
      FROM runs WHERE n = ?
      ON CONFLICT (kind) DO UPDATE SET completed = completed + excluded.completed,
        failed = failed + excluded.failed, timed = timed + excluded.timed,
        duration_ms = duration_ms + excluded.duration_ms`),
    probe: db.prepare(`INSERT INTO meta VALUES ('probes', '1')
      ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1`),
  }
}
