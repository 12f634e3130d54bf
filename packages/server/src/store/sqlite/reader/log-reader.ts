/** Reads logs. Each read is one short transaction, so that its page and its bounds belong together. */
import type { DatabaseSync } from 'node:sqlite'
import type { Bounds, PageText } from '#store/batched/backend'
import { cutPage, type EventsRow } from '#store/batched/page-text'
import type { PageRequest } from '#store/store'

export interface LogReader {
  bounds(id: string): Bounds | null
  page(id: string, request: PageRequest): PageText | null
}

export function createLogReader(db: DatabaseSync): LogReader {
  const selectRun = db.prepare('SELECT n, first_seq AS firstSeq, head, closed FROM runs WHERE id = ?')
  const selectBatches = db.prepare(`SELECT first_seq AS firstSeq, last_seq AS lastSeq,
    json_bytes AS jsonBytes, body FROM batches WHERE run = ? AND last_seq > ? ORDER BY last_seq`)

  function runOf(id: string): { n: number; bounds: Bounds } | null {
    const row = selectRun.get(id)
    if (row === undefined) return null
    const bounds = { firstSeq: Number(row.firstSeq), head: Number(row.head), closed: row.closed === 1 }
    return { n: Number(row.n), bounds }
  }

  function page(id: string, request: PageRequest): PageText | null {
    db.exec('BEGIN')
    try {
      const run = runOf(id)
      if (run === null) return null
      const after = Math.max(request.after, run.bounds.firstSeq - 1)
      const rows = selectBatches.iterate(run.n, after) as unknown as Iterable<EventsRow>
      const text = cutPage(rows, after, request.maxBytes, request.maxEvents ?? Number.POSITIVE_INFINITY)
      return { firstSeq: after + 1, text, bounds: run.bounds }
    } finally {
      db.exec('COMMIT')
    }
  }

  return { bounds: (id) => runOf(id)?.bounds ?? null, page }
}
