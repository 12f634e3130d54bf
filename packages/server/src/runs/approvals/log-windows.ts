import type { LogStore, RunRecord, StoredEvent } from '#store/store'

/** What questions look for stands near the end of its log, since most agents wait for the answer. */
const firstWindowEvents = 500
const pageBytes = 4 * 1024 * 1024

/**
 * Reads a log from its end, window by window, each twice as long as the one before: yields the events of these types in each, in
 * order. Reads no event twice.
 */
export async function* windowsFromEnd(
  { id, head }: Pick<RunRecord, 'id' | 'head'>,
  store: Pick<LogStore, 'readAfter'>,
  types: readonly string[],
): AsyncGenerator<StoredEvent[]> {
  // Events may have been added since the record was read.
  let until = Number.POSITIVE_INFINITY
  let after = Math.max(head - firstWindowEvents, 0)
  for (let length = firstWindowEvents; ; length *= 2) {
    const found: StoredEvent[] = []
    for (let cursor = after; cursor < until; ) {
      const bound = until === Number.POSITIVE_INFINITY ? {} : { maxEvents: until - cursor }
      const page = await store.readAfter(id, { after: cursor, maxBytes: pageBytes, ...bound })
      const events = page?.events ?? []
      // A page begins later where the log was pruned, and ends later then.
      found.push(...events.filter(({ seq, type }) => seq <= until && types.includes(type)))
      const last = events.at(-1)
      if (last === undefined) break
      cursor = last.seq
    }
    yield found
    if (after === 0) return
    until = after
    after = Math.max(after - length * 2, 0)
  }
}
