/**
 * The text of SSE frames (WHATWG HTML, section 9.2 "Server-sent events").
 *
 * A line of the stream ends at CR, LF or CRLF, and nothing that came from outside may end one. Types
 * in a log match a pattern and data is JSON, which needs no raw line end; both are checked here all
 * the same, because this is the last place where a wrong one can be stopped.
 */
import { type ResetData, resetType } from '@millrace/protocol'
import type { StoredEvent } from '#store/store'

/** Leaves out what would end a field (CR, LF) or void it (NUL). */
export function fieldText(text: string): string {
  return /[\r\n\0]/.test(text) ? text.replace(/[\r\n\0]/g, '') : text
}

/** Raw line ends in JSON are white space between tokens: inside a string they are escaped. */
function oneLine(json: string): string {
  return json.includes('\n') || json.includes('\r') ? json.replace(/[\r\n]/g, ' ') : json
}

export function frameText(id: number | string, type: string, json: string): string {
  return `id: ${id}\nevent: ${fieldText(type)}\ndata: ${oneLine(json)}\n\n`
}

export function eventText(event: StoredEvent): string {
  return frameText(event.seq, event.type, event.json)
}

/** Has no `id:`, so that a client which reconnects right after it says what it said before. */
export function resetText(data: ResetData): string {
  const { reason, firstSeq, head } = data
  return `event: ${resetType}\ndata: ${JSON.stringify({ reason, firstSeq, head })}\n\n`
}

/** Each line of the text becomes a comment line of its own. */
export function commentText(text: string): string {
  const lines = text.replaceAll('\0', '').split(/\r\n|\r|\n/)
  return `${lines.map((line) => `: ${line}`).join('\n')}\n\n`
}
