/**
 * The way that most batches take: appends to many runs as one statement, one round trip and one commit. It repeats the
 * fence of the rules in SQL; what it leaves out was refused, and the slow way says why.
 *
 * The update of a run's row waits for other writers and then looks at the newest version of it, so that numbers have no gap
 * whoever appends. Ids are sorted: two nodes that lock the same runs in different orders would block each other.
 */
import type { RunState } from '@millrace/protocol'
import type { Operation, OperationResult } from '#store/batched/operations'
import type { Client, Statement } from '#store/postgres/connection'
import { isRunId } from '#store/postgres/rows'
import { JoinedEvents } from './joined-events.ts'
import { partOf } from './tallies.ts'

type Append = Extract<Operation, { op: 'append' }>

interface RunAppends {
  id: string
  attempt: number
  events: JoinedEvents
  /** Which operations, and after how many of the events each begins. */
  parts: { index: number; offset: number }[]
}

/** The appends of a batch, by run, in the order of their ids. */
export type AppendPlan = RunAppends[]

/** The result of an operation by its index; absent: it was refused. */
export type AppendResults = Map<number, OperationResult>

/** Null: the batch holds something else than plain appends, and goes the slow way. */
export function planAppends(operations: readonly Operation[]): AppendPlan | null {
  const runs = new Map<string, RunAppends>()
  for (const [index, operation] of operations.entries()) {
    if (!isPlain(operation)) return null
    const { run: id, attempt, log } = operation
    const run = runs.get(id) ?? { id, attempt, events: new JoinedEvents(), parts: [] }
    if (run.attempt !== attempt) return null
    runs.set(id, run)
    run.parts.push({ index, offset: run.events.count })
    run.events.add(log)
  }
  return [...runs.values()].sort((one, other) => (one.id < other.id ? -1 : 1))
}

/** An append of nothing has no row by which a lost answer could be found again. */
function isPlain(operation: Operation): operation is Append {
  return operation.op === 'append' && operation.log.length > 0 && isRunId(operation.run)
}

/** `f` takes the number of the flush: without it nothing else happens. It fails for a node that is dead, and for a repetition. */
const flushAppends: Statement = {
  name: 'flush appends',
  text: `WITH f AS (
      UPDATE nodes SET last_flush = $9 WHERE n = $10 AND NOT dead AND last_flush < $9 RETURNING n),
    i AS MATERIALIZED (
      SELECT x.* FROM unnest($1::uuid[], $2::int[], $3::int[], $11::bigint[]) AS x (id, attempt, count, bytes), f),
    m AS (
      UPDATE runs SET head = runs.head + i.count, bytes = runs.bytes + i.bytes FROM i
      WHERE runs.id = i.id AND runs.attempt = i.attempt AND NOT runs.closed
      RETURNING runs.id, runs.n, runs.head - i.count AS before, runs.state, runs.owner, i.bytes),
    o AS (
      INSERT INTO owner_bytes (owner, part, bytes)
      SELECT owner, $12::int, sum(bytes) FROM m GROUP BY owner ORDER BY owner
      ON CONFLICT (owner, part) DO UPDATE SET bytes = owner_bytes.bytes + excluded.bytes),
    w AS (
      INSERT INTO batches (run, last_seq, first_seq, flush, writer, json_bytes, body)
      SELECT m.n, m.before + p.last, m.before + p.first, $9, $10, p.bytes, p.body
      FROM m JOIN unnest($4::uuid[], $5::int[], $6::int[], $7::int[], $8::text[])
        AS p (id, first, last, bytes, body) USING (id))
    SELECT f.n AS writer, m.id, m.before, m.state FROM (SELECT 1) AS one LEFT JOIN f ON true LEFT JOIN m ON true`,
}

interface FlushedRow {
  writer: number | null
  id: string | null
  before: number | null
  state: RunState | null
}

/** Null: the node may not write this flush. */
export async function flush(
  client: Client,
  plan: AppendPlan,
  { node, number }: { node: number; number: number },
): Promise<AppendResults | null> {
  const rows = plan.flatMap(({ id, events }) => events.rows.map((row) => ({ id, ...row })))
  const { name, text } = flushAppends
  const values = [
    plan.map(({ id }) => id),
    plan.map(({ attempt }) => attempt),
    plan.map(({ events }) => events.count),
    rows.map(({ id }) => id),
    rows.map(({ first }) => first),
    rows.map(({ last }) => last),
    rows.map(({ jsonBytes }) => jsonBytes),
    rows.map(({ body }) => body),
    number,
    node,
    plan.map(({ events }) => events.bytes),
    partOf(node),
  ]
  const { rows: flushed } = await client.query<FlushedRow>({ name, text, values })
  return flushed[0]?.writer === null ? null : resultsOf(plan, flushed)
}

const selectFlushed: Statement = {
  name: 'flushed',
  text: `SELECT runs.id, min(batches.first_seq) - 1 AS before, runs.state
    FROM runs JOIN batches ON batches.run = runs.n
    WHERE runs.id = ANY ($1::uuid[]) AND batches.flush = $2 AND batches.writer = $3 GROUP BY runs.id, runs.state`,
}

/** What a flush wrote whose answer was lost. */
export async function readFlushed(
  client: Client,
  plan: AppendPlan,
  { node, number }: { node: number; number: number },
): Promise<AppendResults> {
  const { name, text } = selectFlushed
  const values = [plan.map(({ id }) => id), number, node]
  const { rows } = await client.query<FlushedRow>({ name, text, values })
  return resultsOf(plan, rows)
}

function resultsOf(plan: AppendPlan, rows: readonly FlushedRow[]): AppendResults {
  const found = new Map(rows.map((row) => [row.id, row]))
  const results: AppendResults = new Map()
  for (const { id, parts } of plan) {
    const { before, state } = found.get(id) ?? {}
    if (typeof before !== 'number' || !state) continue
    for (const { index, offset } of parts) {
      results.set(index, { kind: 'appended', firstSeq: before + offset + 1, state })
    }
  }
  return results
}
