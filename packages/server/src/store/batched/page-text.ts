/** Cuts a page from rows of events as text. */

/** Events that were written together: one line an event. */
export interface EventsRow {
  firstSeq: number
  lastSeq: number
  /** Of the JSON alone. */
  jsonBytes: number
  body: string
}

/**
 * Takes the events after a cursor until their JSON passes `maxBytes`, at least one; rows that fit are
 * taken without looking into them. `rows` begin with the one that holds event `after + 1`.
 */
export function cutPage(
  rows: Iterable<EventsRow>,
  after: number,
  maxBytes: number,
  maxEvents: number,
): string {
  let text = ''
  let bytes = 0
  let events = 0
  for (const { firstSeq, lastSeq, jsonBytes, body } of rows) {
    const count = lastSeq - firstSeq + 1
    if (firstSeq > after && bytes + jsonBytes <= maxBytes && events + count <= maxEvents) {
      text += body
      bytes += jsonBytes
      events += count
    } else {
      let start = startOfLine(body, Math.max(0, after + 1 - firstSeq))
      const from = start
      while (start < body.length && bytes <= maxBytes && events < maxEvents) {
        const end = body.indexOf('\n', start)
        const json = body.indexOf(' ', body.indexOf(' ', start) + 1) + 1
        bytes += Buffer.byteLength(body.slice(json, end))
        events += 1
        start = end + 1
      }
      text += body.slice(from, start)
    }
    if (bytes > maxBytes || events >= maxEvents) break
  }
  return text
}

function startOfLine(body: string, line: number): number {
  let start = 0
  for (let passed = 0; passed < line; passed += 1) start = body.indexOf('\n', start) + 1
  return start
}
