/** Pages of listings and searches. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { ListQuery, Reads } from '#store/batched/backend'
import { runColumns, runTables, toRunRow } from '#store/sqlite/run-columns'
import { createSearchTexts, isSearchable } from './search-texts.ts'

export function createRunList(db: DatabaseSync): (query: ListQuery) => Reads['list']['answer'] {
  const selectKeys = db.prepare(`SELECT n, ${runColumns} FROM ${runTables}
    WHERE n IN (SELECT value FROM json_each(?)) ORDER BY n DESC`)
  const texts = createSearchTexts(db)
  const listStatements = new Map<string, StatementSync>()

  /** One row more than the limit shows whether there is another page. */
  function list(query: ListQuery): Reads['list']['answer'] {
    const wanted = query.limit + 1
    const found = select(query, wanted)
    const rows = found.slice(0, query.limit)
    const nextBefore = found.length > rows.length ? Number(rows.at(-1)?.n) : null
    return { rows: rows.map(({ n: _n, ...row }) => toRunRow(row)), nextBefore }
  }

  function select(query: ListQuery, wanted: number): Record<string, unknown>[] {
    const { term, state, outcome, before = Number.MAX_SAFE_INTEGER } = query
    // What changes of a run is not in memory, and there are indexes for it.
    if (term === undefined || !isSearchable(term) || state !== undefined || outcome !== undefined)
      return selectRows(query, wanted)
    const found: Record<string, unknown>[] = []
    for (const keys of inPieces(texts.find({ ...query, term, before }), wanted)) {
      found.push(...selectKeys.all(JSON.stringify(keys)))
      if (found.length >= wanted) return found.slice(0, wanted)
    }
    const older = { ...query, before: Math.min(before, texts.oldest) }
    return older.before <= 1 ? found : [...found, ...selectRows(older, wanted - found.length)]
  }

  function selectRows(query: ListQuery, wanted: number): Record<string, unknown>[] {
    const { kind, state, outcome, project, owner, term } = query
    const given = Object.entries({ kind, state, outcome, project, owner }).filter(
      ([, value]) => value !== undefined,
    )
    const conditions = ['n < ?', ...given.map(([column]) => `${column} = ?`)]
    if (term !== undefined) conditions.push('instr((SELECT text FROM search WHERE run = n), ?) > 0')
    const sql = `SELECT n, ${runColumns} FROM ${runTables}
      WHERE ${conditions.join(' AND ')} ORDER BY n DESC LIMIT ?`
    const statement = listStatements.get(sql) ?? db.prepare(sql)
    listStatements.set(sql, statement)
    const before = query.before ?? Number.MAX_SAFE_INTEGER
    const values = given.map(([, value]) => value ?? null)
    if (term !== undefined) values.push(term)
    return statement.all(before, ...values, wanted)
  }

  return list
}

function* inPieces(keys: Iterable<number>, size: number): Iterable<number[]> {
  let piece: number[] = []
  for (const key of keys) {
    piece.push(key)
    if (piece.length < size) continue
    yield piece
    piece = []
  }
  if (piece.length > 0) yield piece
}
