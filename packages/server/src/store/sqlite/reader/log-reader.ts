/** Reads logs. Each read is one short transaction, so that its page and its bounds belong together. */
import type { DatabaseSync } from 'node:sqlite'
import type { Bounds, PageText } from '#store/batched/operations'
import type { PageRequest } from '#store/store'

interface BatchRow {
  firstSeq: number
  lastSeq: number
  jsonBytes: number
  body: string
}

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
      const rows = selectBatches.iterate(run.n, after) as unknown as Iterable<BatchRow>
      const text = cutPage(rows, after, request.maxBytes, request.maxEvents ?? Number.POSITIVE_INFINITY)
      return { firstSeq: after + 1, text, bounds: run.bounds }
    } finally {
      db.exec('COMMIT')
    }
  }

  return { bounds: (id) => runOf(id)?.bounds ?? null, page }
}

/** Takes events until their JSON passes `maxBytes`, at least one; whole rows without looking into them. */
function cutPage(rows: Iterable<BatchRow>, after: number, maxBytes: number, maxEvents: number): string {
  let text = ''
  let bytes = 0
  let events = 0
  for (const { firstSeq, lastSeq, jsonBytes, body } of rows) {
    const count = lastSeq - firstSeq + 1
    if (firstSeq > after && bytes + jsonBytes <= maxBytes && events + count <= maxEvents) {
      text += body
      bytes += jsonBytes
      events += count
    } else {
      let start = startOfLine(body, Math.max(0, after + 1 - firstSeq))
      const from = start
      while (start < body.length && bytes <= maxBytes && events < maxEvents) {
        const end = body.indexOf('\n', start)
        const json = body.indexOf(' ', body.indexOf(' ', start) + 1) + 1
        bytes += Buffer.byteLength(body.slice(json, end))
        events += 1
        start = end + 1
      }
      text += body.slice(from, start)
    }
    if (bytes > maxBytes || events >= maxEvents) break
  }
  return text
}

function startOfLine(body: string, line: number): number {
  let start = 0
  for (let passed = 0; passed < line; passed += 1) start = body.indexOf('\n', start) + 1
  return start
}
