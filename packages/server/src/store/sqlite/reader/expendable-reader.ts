/** Finds what a retention rule would take, one stretch of the table of runs at a time. */
import type { DatabaseSync } from 'node:sqlite'
import type { Reads } from '#store/batched/backend'
import { expendable, keptAtLeast } from '#store/rules/forget'

/** How many runs one read looks at: other reads wait for it. */
const stretch = 2000

export function createExpendableReader(
  db: DatabaseSync,
): (ask: Reads['expendable']['ask']) => Reads['expendable']['answer'] {
  const selectEnd = db.prepare(
    'SELECT max(n) AS last, count(*) AS size FROM (SELECT n FROM runs WHERE n > ? ORDER BY n LIMIT ?)',
  )
  // As `expendable` of the rules; SQLite's comparison with NULL finds nothing.
  const select = db.prepare(`SELECT id, head, first_seq AS firstSeq, closed, finished_at AS finishedAt
    FROM runs WHERE n > $after AND n <= $last
      AND ((closed = 1 AND finished_at < $finishedBefore) OR head - first_seq >= $events)
    ORDER BY n`)

  return ({ finishedBefore, events, after }) => {
    const { last, size } = selectEnd.get(after, stretch) ?? {}
    if (last === null || last === undefined) return { found: [], nextAfter: null }
    const kept = events === null ? Number.MAX_SAFE_INTEGER : keptAtLeast(events)
    const found = select.all({ finishedBefore, after, last, events: kept }).flatMap((row) => {
      const run = {
        id: String(row.id),
        head: Number(row.head),
        firstSeq: Number(row.firstSeq),
        closed: row.closed === 1,
        finishedAt: row.finishedAt === null ? null : Number(row.finishedAt),
      }
      return expendable(run, { finishedBefore, events }) ?? []
    })
    return { found, nextAfter: Number(size) < stretch ? null : Number(last) }
  }
}
