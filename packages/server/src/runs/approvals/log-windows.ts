import type { LogStore, RunRecord, StoredEvent } from '#store/store'

/** What questions look for stands near the end of its log, since most agents wait for the answer. */
const windowEvents = 500
const pageBytes = 4 * 1024 * 1024

/** Reads a log from its end, window by window: yields the events of these types in each, in order. */
export async function* windowsFromEnd(
  { id, head }: Pick<RunRecord, 'id' | 'head'>,
  store: Pick<LogStore, 'readAfter'>,
  types: readonly string[],
): AsyncGenerator<StoredEvent[]> {
  // Events may have been added since the record was read.
  let until = Number.POSITIVE_INFINITY
  for (let after = Math.max(head - windowEvents, 0); ; after = Math.max(after - windowEvents, 0)) {
    const found: StoredEvent[] = []
    for (let cursor = after; cursor < until; ) {
      const page = await store.readAfter(id, { after: cursor, maxBytes: pageBytes })
      const events = page?.events ?? []
      found.push(...events.filter(({ seq, type }) => seq <= until && types.includes(type)))
      const last = events.at(-1)
      if (last === undefined) break
      cursor = last.seq
    }
    yield found
    if (after === 0) return
    until = after
  }
}
