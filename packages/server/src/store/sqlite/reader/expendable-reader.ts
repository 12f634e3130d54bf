/** Finds what a retention rule would take, a stretch of the table of runs at a time. */
import type { DatabaseSync } from 'node:sqlite'
import type { Reads } from '#store/batched/operations'
import type { Expendable } from '#store/store'

/** Runs looked at in one read: other reads wait for it. */
const stretch = 2000

export function createExpendableReader(
  db: DatabaseSync,
): (ask: Reads['expendable']['ask']) => Reads['expendable']['answer'] {
  const selectEnd = db.prepare(
    'SELECT max(n) AS last, count(*) AS size FROM (SELECT n FROM runs WHERE n > ? ORDER BY n LIMIT ?)',
  )
  const select = db.prepare(`SELECT id, head, first_seq AS firstSeq,
      closed = 1 AND finished_at < $finishedBefore AS whole
    FROM runs WHERE n > $after AND n <= $last
      AND ((closed = 1 AND finished_at < $finishedBefore) OR head - first_seq >= $events)
    ORDER BY n`)

  return ({ finishedBefore, events, after }) => {
    const { last, size } = selectEnd.get(after, stretch) ?? {}
    if (last === null || last === undefined) return { found: [], nextAfter: null }
    const keep = events === null ? Number.MAX_SAFE_INTEGER : Math.max(1, events)
    const rows = select.all({
      // SQLite's comparison with NULL takes nothing.
      finishedBefore,
      after,
      last,
      events: keep,
    })
    const found = rows.map((row): Expendable => {
      const [head, firstSeq] = [Number(row.head), Number(row.firstSeq)]
      const runId = String(row.id)
      if (row.whole === 1) return { runId, throughSeq: null, events: head + 1 - firstSeq }
      return { runId, throughSeq: head - keep, events: head + 1 - keep - firstSeq }
    })
    return { found, nextAfter: Number(size) < stretch ? null : Number(last) }
  }
}
