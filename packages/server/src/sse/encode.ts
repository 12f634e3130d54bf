/**
 * The text of SSE frames (WHATWG HTML, section 9.2 "Server-sent events").
 *
 * A line of the stream ends at CR, LF or CRLF, and no outside text may end one. Types in a log match a
 * pattern, and JSON needs no raw line end; both are checked here anyway, because this is the last place
 * where a wrong one can be stopped.
 */

/** Leaves out what would end a field (CR, LF) or void it (NUL). */
export function fieldText(text: string): string {
  return /[\r\n\0]/.test(text) ? text.replace(/[\r\n\0]/g, '') : text
}

/** Raw line ends in JSON are white space between tokens: inside a string they are escaped. */
function oneLine(json: string): string {
  return json.includes('\n') || json.includes('\r') ? json.replace(/[\r\n]/g, ' ') : json
}

export function frameText(id: number | string, type: string, json: string): string {
  return `id: ${id}\n${unnumberedFrameText(type, json)}`
}

/** A frame without an `id:`: it moves no cursor. */
export function unnumberedFrameText(type: string, json: string): string {
  return `event: ${fieldText(type)}\ndata: ${oneLine(json)}\n\n`
}

/** Each line of the text becomes a comment line of its own. */
export function commentText(text: string): string {
  const lines = text.replaceAll('\0', '').split(/\r\n|\r|\n/)
  return `${lines.map((line) => `: ${line}`).join('\n')}\n\n`
}
