/** Reads runs: one, its bounds, a page of a listing, the active ones, and counts. */
import type { RunKind } from '@millrace/protocol'
import type { Bounds, ListQuery, Reads } from '#store/batched/backend'
import { factColumns, hasNul, isRunId, runColumns, runTables, toRunRow } from '#store/postgres/rows'
import type { RunRow } from '#store/rules/rows'
import type { OwnerBytes, QueueCounts } from '#store/store'
import type { Query } from './query.ts'

export interface RunReader {
  run(id: string): Promise<RunRow | null>
  bounds(id: string): Promise<Bounds | null>
  active(): Promise<RunRow[]>
  silent(before: number): Promise<RunRow[]>
  list(query: ListQuery): Promise<Reads['list']['answer']>
  counts(kind: RunKind): Promise<QueueCounts>
  ownerBytes(owner: string): Promise<number>
  largestOwners(limit: number): Promise<OwnerBytes[]>
}

type Row = RunRow & { n: number }

const selectRun = { name: 'run', text: `SELECT ${runColumns} FROM ${runTables} WHERE runs.id = $1` }
const selectBounds = {
  name: 'bounds',
  text: 'SELECT first_seq AS "firstSeq", head, closed FROM runs WHERE id = $1',
}
/** As `isToBeEnded` of the rules, in two sets, so that each has its index. */
const selectActive = {
  name: 'active',
  text: `SELECT ${runColumns} FROM ${runTables} WHERE n IN (
      SELECT n FROM runs WHERE state IN ('starting', 'running')
        AND (lease_until IS NULL AND (parked IS NULL OR parked = 'woken') OR cause IS NOT NULL)
      UNION ALL SELECT n FROM runs WHERE state = 'queued' AND cause IS NOT NULL) ORDER BY n`,
}
const selectSilent = {
  name: 'silent',
  text: `SELECT ${runColumns} FROM ${runTables} WHERE leased AND NOT closed AND lease_until < $1
    ORDER BY lease_until LIMIT 100`,
}
const selectCounts = {
  name: 'counts',
  text: `SELECT
      (SELECT count(*) FROM runs WHERE kind = $1 AND NOT closed AND state IN ('starting', 'running')) AS running,
      (SELECT count(*) FROM runs WHERE kind = $1 AND NOT closed AND state = 'queued') AS pending,
      coalesce(sum(completed), 0) AS completed, coalesce(sum(failed), 0) AS failed,
      coalesce(1.0 * sum(duration_ms) / nullif(sum(timed), 0), 0) AS "averageDurationMs"
    FROM tallies WHERE kind = $1`,
}

const selectBytes = {
  name: 'owner bytes',
  text: 'SELECT coalesce(sum(bytes), 0)::bigint AS bytes FROM owner_bytes WHERE owner = $1',
}
const selectLargest = {
  name: 'largest owners',
  text: `SELECT owner, sum(bytes)::bigint AS bytes FROM owner_bytes GROUP BY owner HAVING sum(bytes) > 0
    ORDER BY bytes DESC, owner LIMIT $1`,
}

export function createRunReader(query: Query): RunReader {
  return {
    async run(id) {
      if (!isRunId(id)) return null
      const [found] = await query<Row>(selectRun, [id])
      return found === undefined ? null : toRunRow(found)
    },
    async bounds(id) {
      if (!isRunId(id)) return null
      const [found] = await query<Bounds>(selectBounds, [id])
      return found ?? null
    },
    active: async () => (await query<Row>(selectActive, [])).map(toRunRow),
    silent: async (before) => (await query<Row>(selectSilent, [before])).map(toRunRow),
    list: (asked) => list(query, asked),
    async counts(kind) {
      const [counts] = await query<QueueCounts>(selectCounts, [kind])
      if (counts === undefined) throw new Error('no counts were found')
      return counts
    },
    async ownerBytes(owner) {
      if (hasNul(owner)) return 0
      const [found] = await query<{ bytes: number }>(selectBytes, [owner])
      return found?.bytes ?? 0
    },
    largestOwners: (limit) => query<OwnerBytes>(selectLargest, [limit]),
  }
}

async function list(query: Query, asked: ListQuery): Promise<Reads['list']['answer']> {
  const { kind, state, outcome, project, owner, term, limit } = asked
  const given = Object.entries({ kind, state, outcome, project, owner }).filter(
    ([, value]) => value !== undefined,
  )
  if ([project, owner, term].some(hasNul)) return { rows: [], nextBefore: null }
  const values: unknown[] = [asked.before ?? Number.MAX_SAFE_INTEGER]
  const conditions = ['n < $1']
  for (const [column, value] of given) conditions.push(`${column} = $${values.push(value)}`)
  if (term !== undefined) {
    conditions.push(`strpos((SELECT text FROM search WHERE run = n), $${values.push(term)}) > 0`)
  }
  // One row more than the limit shows whether there is another page. The details are read for those that are shown.
  const page = `SELECT ${factColumns} FROM runs WHERE ${conditions.join(' AND ')}
    ORDER BY n DESC LIMIT $${values.push(limit + 1)}`
  const text = `SELECT page.*, spec, result, error, usage FROM (${page}) AS page JOIN details ON details.run = page.n
    ORDER BY page.n DESC`
  const found = await query<Row>({ name: nameOf(text), text }, values)
  const rows = found.slice(0, limit)
  const nextBefore = found.length > rows.length ? (rows.at(-1)?.n ?? null) : null
  return { rows: rows.map(toRunRow), nextBefore }
}

const names = new Map<string, string>()

/** There are as many statements as combinations of conditions. */
function nameOf(text: string): string {
  const name = names.get(text) ?? `list ${names.size + 1}`
  names.set(text, name)
  return name
}
