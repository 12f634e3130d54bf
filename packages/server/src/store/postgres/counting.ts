/** Counts what happens at any node, in windows of time. */
import type { Query } from './reader/query.ts'

/** Windows that are over are forgotten now and then, a few at a time. */
const countOne = {
  name: 'count',
  text: `WITH d AS (
      DELETE FROM counts WHERE name IN (
        SELECT name FROM counts WHERE until < clock_timestamp() - interval '1 minute' AND name <> $1
        ORDER BY until LIMIT 10 FOR UPDATE SKIP LOCKED))
    INSERT INTO counts AS c (name, count, until)
    VALUES ($1, 1, clock_timestamp() + $2 * interval '1 millisecond')
    ON CONFLICT (name) DO UPDATE SET
      count = CASE WHEN c.until < clock_timestamp() THEN 1 ELSE least(c.count + 1, 1000000) END,
      until = CASE WHEN c.until < clock_timestamp() THEN excluded.until ELSE c.until END
    RETURNING count, extract(epoch FROM until - clock_timestamp()) * 1000 AS "leftMs"`,
}

export async function count(
  query: Query,
  name: string,
  windowMs: number,
): Promise<{ count: number; leftMs: number }> {
  const [row] = await query<{ count: number; leftMs: number }>(countOne, [name, windowMs])
  if (row === undefined) throw new Error('nothing was counted')
  return row
}
