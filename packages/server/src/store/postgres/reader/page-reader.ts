/**
 * Reads pages of logs, many in one statement: each flush of a run makes one read on every node that follows it, and one by
 * one those cost Postgres far more than together. What is asked while a statement is under way makes up the next.
 */
import type { PageText, Reads } from '#store/batched/backend'
import { cutPage, type EventsRow } from '#store/batched/page-text'
import { isRunId } from '#store/postgres/rows'
import type { Query } from './query.ts'

/** Rows of events that one statement reads of one log; a page that needs more asks again. */
const rowsMax = 64
/** Logs in one statement. */
const logsMax = 200

/**
 * One statement is one snapshot: rows and bounds belong together. `before` is the size of the rows before a row, without the
 * one that the cursor is inside, of which only the end counts.
 */
const selectPages = {
  name: 'pages',
  text: `SELECT f.o, r."firstSeq", r.head, r.closed, b.first, b.last, b."jsonBytes", b.body
    FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[]) WITH ORDINALITY AS f (id, after, bytes, events, o)
    JOIN LATERAL (
      SELECT n, first_seq AS "firstSeq", head, closed, greatest(f.after, first_seq - 1) AS from_seq
      FROM runs WHERE id = f.id) r ON true
    LEFT JOIN LATERAL (
      SELECT * FROM (
        SELECT first_seq AS first, last_seq AS last, json_bytes AS "jsonBytes", body,
          coalesce(sum(CASE WHEN first_seq > r.from_seq THEN json_bytes ELSE 0 END)
            OVER (ORDER BY last_seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
        FROM (
          SELECT * FROM batches WHERE run = r.n AND last_seq > r.from_seq AND first_seq <= r.from_seq + f.events
          ORDER BY last_seq LIMIT ${rowsMax}) AS stretch) AS sized
      WHERE before <= f.bytes) b ON true
    ORDER BY f.o, b.last`,
}

interface Wanted {
  id: string
  after: number
  bytes: number
  events: number
}

interface Found {
  firstSeq: number
  head: number
  closed: boolean
  rows: EventsRow[]
}

interface FoundRow {
  o: number
  firstSeq: number
  head: number
  closed: boolean
  first: number | null
  last: number
  jsonBytes: number
  body: string
}

export function createPageReader(query: Query): (ask: Reads['page']['ask']) => Promise<PageText | null> {
  const find = grouped(query)

  return async ({ id, after, maxBytes, maxEvents = Number.MAX_SAFE_INTEGER }) => {
    if (!isRunId(id)) return null
    // Sums of these stay below 2^63.
    const limits = { bytes: Math.min(maxBytes, 2 ** 50), events: Math.min(maxEvents, 2 ** 50) }
    const first = await find({ id, after, ...limits })
    if (first === null) return null
    const from = Math.max(after, first.firstSeq - 1)
    const { rows, bounds } = await complete(first, { id, after: from, ...limits }, find)
    return { firstSeq: from + 1, text: cutPage(rows, from, limits.bytes, limits.events), bounds }
  }
}

/** Asks for more rows while the page has room for them. */
async function complete(
  first: Found,
  { id, after, bytes, events }: Wanted,
  find: (wanted: Wanted) => Promise<Found | null>,
): Promise<{ rows: EventsRow[]; bounds: PageText['bounds'] }> {
  const { rows, firstSeq } = first
  let newest = first
  let added = rows
  for (;;) {
    const last = rows.at(-1)?.lastSeq ?? after
    const taken = rows.reduce((sum, row) => (row.firstSeq > after ? sum + row.jsonBytes : sum), 0)
    const isFull = taken > bytes || last - after >= events
    if (isFull || added.length < rowsMax) break
    const more = await find({ id, after: last, bytes: bytes - taken, events: events - (last - after) })
    // What was read stays a page; what was pruned or deleted meanwhile is for the next read to say.
    if (more === null || more.firstSeq > last + 1) break
    newest = more
    added = more.rows
    rows.push(...added)
  }
  return { rows, bounds: { firstSeq, head: newest.head, closed: newest.closed } }
}

/** One statement at a time, for all that is asked meanwhile. */
function grouped(query: Query): (wanted: Wanted) => Promise<Found | null> {
  interface Waiting {
    wanted: Wanted
    resolve(found: Found | null): void
    reject(error: unknown): void
  }
  let waiting: Waiting[] = []
  let busy = false

  async function readAll(): Promise<void> {
    while (waiting.length > 0) {
      const group = waiting.slice(0, logsMax)
      waiting = waiting.slice(logsMax)
      try {
        const found = await select(
          query,
          group.map(({ wanted }) => wanted),
        )
        for (const [index, { resolve }] of group.entries()) resolve(found[index] ?? null)
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
    }
    busy = false
  }

  return (wanted) =>
    new Promise((resolve, reject) => {
      waiting.push({ wanted, resolve, reject })
      if (busy) return
      busy = true
      // Not at once: what is asked in this turn of the event loop goes together.
      setImmediate(() => void readAll())
    })
}

async function select(query: Query, wanted: readonly Wanted[]): Promise<(Found | null)[]> {
  const rows = await query<FoundRow>(selectPages, [
    wanted.map(({ id }) => id),
    wanted.map(({ after }) => after),
    wanted.map(({ bytes }) => bytes),
    wanted.map(({ events }) => events),
  ])
  const found: (Found | null)[] = wanted.map(() => null)
  for (const { o, firstSeq, head, closed, first, last, jsonBytes, body } of rows) {
    const log = found[o - 1] ?? { firstSeq, head, closed, rows: [] }
    found[o - 1] = log
    if (first !== null) log.rows.push({ firstSeq: first, lastSeq: last, jsonBytes, body })
  }
  return found
}
