/** A run's row, and the record made of it. */

import type { RunRow } from '#store/batched/operations'
import type { RunRecord } from '#store/store'

export const runColumns = `runs.id, kind, project, owner, state, closed, attempt, created_at AS createdAt,
  started_at AS startedAt, finished_at AS finishedAt, head, retry_of AS retryOf, resumes, cause, node,
  pid, process_start AS processStart, spec, result, error, usage`

/** Joins what a run's row keeps apart because it is large and seldom written. */
export const runTables = 'runs JOIN details ON details.run = runs.n'

export function toRecord(row: RunRow): RunRecord {
  return {
    id: row.id,
    kind: row.kind,
    project: row.project,
    owner: row.owner,
    state: row.state,
    spec: JSON.parse(row.spec),
    attempt: row.attempt,
    createdAt: row.createdAt,
    startedAt: row.startedAt,
    finishedAt: row.finishedAt,
    result: parse(row.result),
    error: parse(row.error),
    usage: parse(row.usage),
    head: row.head,
    retryOf: row.retryOf,
    resumes: row.resumes,
    cause: row.cause,
    process: row.pid === null ? null : { pid: row.pid, startTime: row.processStart ?? 0 },
    node: row.node,
  }
}

function parse<T>(json: string | null): T | null {
  return json === null ? null : JSON.parse(json)
}
