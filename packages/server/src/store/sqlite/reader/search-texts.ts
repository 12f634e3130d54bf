/**
 * The texts by which runs are found, in memory: to look through them there takes a tenth of what SQLite takes.
 *
 * Owns: a copy of the newest texts with what never changes of their runs, made by the first search, continued by each one,
 * and dropped some minutes after the last. Invariant: it is a hint. A run that it names may be deleted since, and is looked
 * up by the caller; runs are never added below one that it knows, so that what it does not name has not got the term.
 */
import { Buffer } from 'node:buffer'
import type { DatabaseSync } from 'node:sqlite'
import type { ListQuery } from '#store/batched/backend'

export interface SearchTexts {
  /** Keys of runs below `before` whose text has the term, newest first. Older than the oldest it knows are not among them. */
  find(query: Asked): Iterable<number>
  /** Runs with a smaller key are not known here. */
  readonly oldest: number
}

type Asked = Pick<ListQuery, 'owner' | 'kind' | 'project'> & { term: string; before: number }

interface Entry {
  run: number
  owner: string
  kind: string
  project: string | null
  /** Where its text begins. */
  start: number
}

interface Chunk {
  entries: Entry[]
  bytes: Buffer
}

/** What separates texts; a term with one is not looked for here. */
const separator = '\0'
const chunkRuns = 1024
const runsMax = 200_000
const bytesMax = 64 * 1024 * 1024
const keptMs = 5 * 60_000

export function createSearchTexts(db: DatabaseSync): SearchTexts {
  const selectTexts = db.prepare(`SELECT n AS run, owner, kind, project, text FROM search JOIN runs ON n = run
    WHERE run > ? ORDER BY run`)
  const selectStart = db.prepare('SELECT run FROM search ORDER BY run DESC LIMIT 1 OFFSET ?')
  const selectFirst = db.prepare('SELECT min(n) AS first FROM runs')
  let chunks: Chunk[] = []
  let oldest = 1
  let newest = 0
  let drop: NodeJS.Timeout | null = null

  function refresh(): void {
    if (drop !== null) clearTimeout(drop)
    drop = setTimeout(() => {
      chunks = []
      newest = 0
    }, keptMs).unref()
    if (newest === 0) {
      newest = Number(selectStart.get(runsMax)?.run ?? 0)
      oldest = newest + 1
    }
    const last = chunks.at(-1)
    // A chunk that is not full is made anew with what came since.
    const open = last !== undefined && last.entries.length < chunkRuns ? chunks.pop() : undefined
    let texts = open === undefined ? [] : textsOf(open)
    let entries = open?.entries ?? []
    const close = () => {
      if (entries.length > 0) chunks.push(chunkOf(entries, texts))
      texts = []
      entries = []
    }
    for (const row of selectTexts.iterate(newest) as Iterable<Omit<Entry, 'start'> & { text: string }>) {
      const { text, ...facts } = row
      entries.push({ ...facts, start: 0 })
      texts.push(text)
      newest = row.run
      if (entries.length === chunkRuns) close()
    }
    close()
    keepBounded(Number(selectFirst.get()?.first ?? 0))
  }

  /** Drops what retention has deleted, and the oldest where there is too much. */
  function keepBounded(first: number): void {
    let bytes = chunks.reduce((sum, chunk) => sum + chunk.bytes.length, 0)
    while (chunks[0] !== undefined) {
      const [{ entries, bytes: own }] = chunks as [Chunk]
      const last = entries.at(-1)?.run ?? 0
      if (last >= first && bytes <= bytesMax) return
      if (last >= first) oldest = last + 1
      bytes -= own.length
      chunks.shift()
    }
  }

  return {
    get oldest() {
      return oldest
    },
    *find({ term, before, ...facts }) {
      refresh()
      const wanted = Buffer.from(term)
      for (const chunk of chunks.toReversed()) {
        if ((chunk.entries[0]?.run ?? 0) >= before) continue
        for (const entry of matchesIn(chunk, wanted).reverse()) {
          if (entry.run < before && isAsked(entry, facts)) yield entry.run
        }
      }
    },
  }
}

export function isSearchable(term: string): boolean {
  return !term.includes(separator)
}

function isAsked(entry: Entry, { owner, kind, project }: Omit<Asked, 'term' | 'before'>): boolean {
  return (
    (owner === undefined || entry.owner === owner) &&
    (kind === undefined || entry.kind === kind) &&
    (project === undefined || entry.project === project)
  )
}

function chunkOf(entries: Entry[], texts: readonly string[]): Chunk {
  let start = 0
  entries.forEach((entry, index) => {
    entry.start = start
    start += Buffer.byteLength(texts[index] ?? '') + separator.length
  })
  return { entries, bytes: Buffer.from(texts.join(separator)) }
}

function textsOf({ entries, bytes }: Chunk): string[] {
  return entries.map(({ start }, index) => {
    const next = entries[index + 1]?.start
    return bytes.toString('utf8', start, next === undefined ? bytes.length : next - separator.length)
  })
}

/** In the order of their keys. */
function matchesIn({ entries, bytes }: Chunk, wanted: Buffer): Entry[] {
  const found: Entry[] = []
  let index = 0
  for (let at = bytes.indexOf(wanted); at !== -1; ) {
    while ((entries[index + 1]?.start ?? Number.POSITIVE_INFINITY) <= at) index += 1
    const entry = entries[index]
    if (entry === undefined) break
    found.push(entry)
    const next = entries[index + 1]?.start
    if (next === undefined) break
    at = bytes.indexOf(wanted, next)
  }
  return found
}
