/** One page of a log as JSON, for clients that poll. */
import { type LogBounds, parseCursor, type ResetData, resolveResume } from '@millrace/protocol'
import { searchLog } from './search.ts'
import type { LogSource, StoredEvent } from './source.ts'

export type PageSource = LogSource

export interface PageQuery {
  after?: string | undefined
  epoch?: string | undefined
  limit: number
  /** Only events that contain this text. */
  q?: string | undefined
}

/** A page holds at most this much, and at least one event where there is one. */
const pageBytesMax = 4 * 1024 * 1024

/**
 * Returns the events after a cursor, as the text of a JSON object `{events, head, closed, epoch}`, with
 * `reset` when the cursor could not be served and the page starts at the first kept event. A search adds
 * `searchedTo`, the last event that it looked at. Null when there is no such run.
 */
export async function readPage(source: PageSource, runId: string, query: PageQuery): Promise<string | null> {
  const bounds = await source.bounds(runId)
  if (bounds === null) return null
  const resume = resolveResume(parseCursor(query.after), query.epoch, bounds)
  const after = resume.kind === 'over' ? bounds.head : resume.after
  const reset: ResetData | undefined =
    resume.kind === 'reset'
      ? { reason: resume.reason, firstSeq: bounds.firstSeq, head: bounds.head }
      : undefined
  if (query.q !== undefined) {
    const found = await searchLog(source, runId, { after, text: query.q, limit: query.limit })
    return found && pageJson(found.events, { bounds, reset, searchedTo: found.searchedTo })
  }
  const page = await source.readAfter(runId, { after, maxBytes: pageBytesMax, maxEvents: query.limit })
  if (page === null) return null
  const { firstSeq, head } = page.bounds
  return pageJson(page.events, { bounds: page.bounds, reset: reset && { ...reset, firstSeq, head } })
}

function pageJson(
  events: readonly StoredEvent[],
  {
    bounds: { head, closed, epoch },
    reset,
    searchedTo,
  }: { bounds: LogBounds; reset: ResetData | undefined; searchedTo?: number },
): string {
  const texts = events.map(
    ({ seq, at, type, json }) => `{"seq":${seq},"at":${at},"type":${JSON.stringify(type)},"data":${json}}`,
  )
  // What is undefined is left out.
  const rest = JSON.stringify({ head, closed, epoch, reset, searchedTo })
  return `{"events":[${texts.join(',')}],${rest.slice(1)}`
}
