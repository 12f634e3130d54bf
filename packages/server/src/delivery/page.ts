/** One page of a log as JSON, for clients that poll. */
import { parseCursor, type ResetData, resolveResume } from '@millrace/protocol'
import type { LogSource } from './source.ts'

export type PageSource = LogSource

export interface PageQuery {
  after?: string | undefined
  epoch?: string | undefined
  limit: number
}

/** A page holds at most this much, and at least one event where there is one. */
const pageBytesMax = 4 * 1024 * 1024

/**
 * Returns the events after a cursor, as the text of a JSON object `{events, head, closed, epoch}`, with
 * `reset` when the cursor could not be served and the page starts at the first kept event. Null when
 * there is no such run.
 */
export async function readPage(source: PageSource, runId: string, query: PageQuery): Promise<string | null> {
  const bounds = await source.bounds(runId)
  if (bounds === null) return null
  const resume = resolveResume(parseCursor(query.after), query.epoch, bounds)
  const after = resume.kind === 'over' ? bounds.head : resume.after
  const page = await source.readAfter(runId, { after, maxBytes: pageBytesMax, maxEvents: query.limit })
  if (page === null) return null
  const { head, closed, epoch, firstSeq } = page.bounds
  const events = page.events.map(
    ({ seq, at, type, json }) => `{"seq":${seq},"at":${at},"type":${JSON.stringify(type)},"data":${json}}`,
  )
  const reset: ResetData | undefined =
    resume.kind === 'reset' ? { reason: resume.reason, firstSeq, head } : undefined
  const rest = JSON.stringify({ head, closed, epoch, ...(reset === undefined ? {} : { reset }) })
  return `{"events":[${events.join(',')}],${rest.slice(1)}`
}
