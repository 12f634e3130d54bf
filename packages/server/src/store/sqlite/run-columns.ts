/** How a run's row is read from the database. */
import type { RunRow } from '#store/rules/rows'

/** The names are those of `RunRow`. */
export const runColumns = `runs.id, kind, project, owner, state, outcome, closed, attempt, created_at AS createdAt,
  started_at AS startedAt, finished_at AS finishedAt, head, first_seq AS firstSeq, retry_of AS retryOf,
  resumes, fork_of AS forkOf, cause, sealed, parked, node, pid, process_start AS processStart, lease_until AS leaseUntil, spec, result, error, usage`

/** The names are those of `Message`. */
export const messageColumns = 'id, mode, text, user, at, state, attachments'

/** Joins what a run's row keeps apart because it is large and seldom written. */
export const runTables = 'runs JOIN details ON details.run = runs.n'

/** SQLite has no booleans. */
export function toRunRow(found: Record<string, unknown>): RunRow {
  return { ...found, closed: found.closed === 1, sealed: found.sealed === 1 } as unknown as RunRow
}
