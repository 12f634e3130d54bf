/** Finds what a retention rule would take, one stretch of the table of runs at a time. */
import type { Reads } from '#store/batched/backend'
import { expendable, keptAtLeast } from '#store/rules/forget'
import type { RunRow } from '#store/rules/rows'
import type { Query } from './query.ts'

/** How many runs one read looks at. */
const stretch = 2000

const selectEnd = {
  name: 'end of stretch',
  text: 'SELECT max(n) AS last, count(*) AS size FROM (SELECT n FROM runs WHERE n > $1 ORDER BY n LIMIT $2) AS stretch',
}
/** As `expendable` of the rules; a comparison with NULL finds nothing. */
const select = {
  name: 'expendable',
  text: `SELECT id, head, first_seq AS "firstSeq", closed, finished_at AS "finishedAt"
    FROM runs WHERE n > $1 AND n <= $2 AND ((closed AND finished_at < $3) OR head - first_seq >= $4) ORDER BY n`,
}

export function createExpendableReader(
  query: Query,
): (ask: Reads['expendable']['ask']) => Promise<Reads['expendable']['answer']> {
  return async ({ finishedBefore, events, after }) => {
    const [end] = await query<{ last: number | null; size: number }>(selectEnd, [after, stretch])
    if (end === undefined || end.last === null) return { found: [], nextAfter: null }
    const kept = events === null ? Number.MAX_SAFE_INTEGER : keptAtLeast(events)
    type Row = Pick<RunRow, 'id' | 'head' | 'firstSeq' | 'closed' | 'finishedAt'>
    const rows = await query<Row>(select, [after, end.last, finishedBefore, kept])
    const found = rows.flatMap((row) => expendable(row, { finishedBefore, events }) ?? [])
    return { found, nextAfter: end.size < stretch ? null : end.last }
  }
}
