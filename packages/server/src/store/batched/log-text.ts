/**
 * Events as text: one line an event, `at type json`. It is how a batch of events is stored, and how
 * events travel between threads.
 */
import { eventTypePattern, MillraceError } from '@millrace/protocol'
import type { EventInput, StoredEvent } from '#store/store'
import { type LogText, rowSize } from './operations.ts'

/** Throws `invalid_request` for an event that would break the text, whoever made it. */
export function encodeEvents(events: readonly EventInput[]): LogText[] {
  const pieces: LogText[] = []
  let text = ''
  let count = 0
  let overhead = 0
  let validType = ''
  for (const { at, type, json } of events) {
    if (type !== validType) {
      if (!eventTypePattern.test(type))
        throw invalid('type', `a type that matches ${eventTypePattern.source}`)
      validType = type
    }
    if (!Number.isSafeInteger(at)) throw invalid('at', 'whole milliseconds')
    if (json === '' || json.includes('\n') || !json.isWellFormed()) throw invalid('json', 'one line of JSON')
    if (count > 0 && text.length + json.length > rowSize) {
      pieces.push({ count, overhead, text })
      text = ''
      count = 0
      overhead = 0
    }
    const before = `${at} ${type} `
    text += `${before + json}\n`
    overhead += before.length + 1
    count += 1
  }
  if (count > 0) pieces.push({ count, overhead, text })
  return pieces
}

export function decodeEvents(text: string, firstSeq: number): StoredEvent[] {
  const events: StoredEvent[] = []
  let start = 0
  for (let seq = firstSeq; start < text.length; seq += 1) {
    const end = text.indexOf('\n', start)
    const afterAt = text.indexOf(' ', start)
    const afterType = text.indexOf(' ', afterAt + 1)
    events.push({
      seq,
      at: Number(text.slice(start, afterAt)),
      type: text.slice(afterAt + 1, afterType),
      json: text.slice(afterType + 1, end),
    })
    start = end + 1
  }
  return events
}

function invalid(path: string, expected: string): MillraceError {
  return new MillraceError('invalid_request', `An event needs ${expected}`, { fields: [{ path, expected }] })
}
