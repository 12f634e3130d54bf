/** Makes of a run's row the record that the port speaks of. */
import type { RunRow } from '#store/rules/rows'
import type { RunRecord } from '#store/store'

export function toRecord(row: RunRow): RunRecord {
  return {
    id: row.id,
    kind: row.kind,
    project: row.project,
    owner: row.owner,
    state: row.state,
    outcome: row.outcome,
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
    forkOf: row.forkOf,
    cause: row.cause,
    process: row.pid === null ? null : { pid: row.pid, startTime: row.processStart ?? 0 },
    node: row.node,
    parked: row.parked,
  }
}

function parse<T>(json: string | null): T | null {
  return json === null ? null : JSON.parse(json)
}
