/**
 * Searches a log. Nothing is indexed: a request looks through a bounded part of the log and says where it stopped, so
 * that a search through a million lines is twenty short requests, which a client may give up at any time.
 */
import type { LogSource, StoredEvent } from './source.ts'

/** What one request looks through. */
const scannedEventsMax = 50_000
const scannedBytesMax = 32 * 1024 * 1024
/** What is read at a time: others have their turn between two reads. */
const readEventsMax = 5000
const readBytesMax = 1024 * 1024

export interface Found {
  events: StoredEvent[]
  /** The last event that was looked at. The rest of the log is searched from here on. */
  searchedTo: number
}

/** The events after a cursor that contain a text, at most `limit`. Null when there is no such run. */
export async function searchLog(
  source: Pick<LogSource, 'readAfter'>,
  runId: string,
  { after, text, limit }: { after: number; text: string; limit: number },
): Promise<Found | null> {
  const contains = matcher(text)
  const events: StoredEvent[] = []
  let [cursor, scanned, bytes] = [after, 0, 0]
  while (scanned < scannedEventsMax && bytes < scannedBytesMax) {
    const page = await source.readAfter(runId, {
      after: cursor,
      maxBytes: readBytesMax,
      maxEvents: readEventsMax,
    })
    if (page === null) return null
    if (page.events.length === 0) return { events, searchedTo: Math.max(cursor, page.bounds.head) }
    for (const event of page.events) {
      cursor = event.seq
      scanned += 1
      bytes += event.json.length
      if (!contains(event)) continue
      events.push(event)
      if (events.length === limit) return { events, searchedTo: cursor }
    }
  }
  return { events, searchedTo: cursor }
}

/**
 * Case is ignored. Of a job's output the line is searched as a person sees it, without control sequences; of any other
 * event its data, as JSON.
 */
function matcher(text: string): (event: StoredEvent) => boolean {
  const pattern = ignoringCase(text)
  const inJson = ignoringCase(JSON.stringify(text).slice(1, -1))
  return ({ type, json }) => {
    if (type !== 'output') return inJson.test(json)
    // Most lines have no escapes, and most do not match: neither is parsed.
    if (!json.includes('\\u001b')) return inJson.test(json) && pattern.test(lineOf(json))
    return pattern.test(lineOf(json).replace(controlSequences, ''))
  }
}

/** Lower-casing a text would change its length, and with it what a pattern finds. */
function ignoringCase(text: string): RegExp {
  return new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'i')
}

function lineOf(json: string): string {
  const { line } = JSON.parse(json) as { line?: unknown }
  return typeof line === 'string' ? line : ''
}

/** CSI, and OSC with its end: what colours and hyperlinks are made of. */
const controlSequences = /\u001b\[[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)/g
