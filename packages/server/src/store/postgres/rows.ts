/** How rows are read from the database. */
import type { RunRow } from '#store/rules/rows'

/** Everything of `RunRow` except its details; the names are those of `RunRow`. */
export const factColumns = `runs.n, runs.id, runs.kind, runs.project, runs.owner, runs.state, runs.outcome, runs.closed,
  runs.attempt, runs.head, runs.first_seq AS "firstSeq", runs.created_at AS "createdAt", runs.started_at AS "startedAt",
  runs.finished_at AS "finishedAt", runs.retry_of AS "retryOf", runs.resumes, runs.fork_of AS "forkOf", runs.cause, runs.sealed, runs.parked, runs.node, runs.pid,
  runs.process_start AS "processStart", runs.lease_until AS "leaseUntil"`

export const runColumns = `${factColumns}, spec, result, error, usage`

/** Joins what a run's row keeps apart because it is large and seldom written. */
export const runTables = 'runs JOIN details ON details.run = runs.n'

export function toRunRow(found: RunRow & { n: number }): RunRow {
  const { n: _n, ...row } = found
  return row
}

/** The names are those of `Message`. */
export const messageColumns = 'id, mode, text, "user", at, state, attachments'

export const credentialColumns = `credentials.id, credentials.kind, "user", admin, created_at AS "createdAt",
  expires_at AS "expiresAt", revoked_at AS "revokedAt", used_at AS "usedAt", parent, path`

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Ids of runs are UUIDs, in the one spelling that the server makes; nothing else names a run. */
export function isRunId(id: string): boolean {
  return uuid.test(id)
}

/** Postgres stores no NUL in a text: nothing stored has one, so nothing is found by such a text. */
export function hasNul(text: string | undefined): boolean {
  return text?.includes('\0') ?? false
}
