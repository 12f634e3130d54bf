/**
 * Checks that a line of an agent's process can be parsed safely. Programs of the project run as the same user as the
 * process and may write in its name.
 */

/** Nesting of objects and arrays. Anything much deeper cannot be serialized again. */
export const depthMax = 200
/** Values in one message. Each takes far more memory than its text: as text, `{}` has two bytes. */
export const valuesMax = 500_000

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const colon = 0x3a
const opening = new Set([0x7b, 0x5b])
const closing = new Set([0x7d, 0x5d])

/** Checks a line before it is parsed: the text is cheap, its parsed form may not be. */
export function isModest(line: string): boolean {
  let depth = 0
  let values = 0
  for (let index = 0; index < line.length; index++) {
    const code = line.charCodeAt(index)
    if (code === quote) index = endOfText(line, index)
    else if (code === comma) values += 1
    else if (closing.has(code)) depth -= 1
    else if (opening.has(code)) {
      depth += 1
      values += 1
      if (depth > depthMax) return false
    }
    if (values > valuesMax) return false
  }
  return true
}

export interface Envelope {
  id?: string | number
  method?: string
}

/** Reads who is to be answered, and about what, of a message of JSON-RPC that is not to be parsed. */
export function envelopeOf(line: string): Envelope {
  const envelope: Envelope = {}
  let depth = 0
  let from = 0
  let key = ''
  for (let index = 0; index < line.length; index++) {
    const code = line.charCodeAt(index)
    if (code === quote) index = endOfText(line, index)
    else if (opening.has(code)) {
      depth += 1
      if (depth === 1) from = index + 1
    } else if (depth === 1 && code === colon) {
      key = line.slice(from, index).trim()
      from = index + 1
    } else if (depth === 1 && (code === comma || closing.has(code))) {
      Object.assign(envelope, memberOf(key, line.slice(from, index)))
      from = index + 1
      if (code !== comma) return envelope
    } else if (closing.has(code)) depth -= 1
  }
  return envelope
}

const memberCharsMax = 1000

function memberOf(key: string, text: string): Envelope {
  if (text.length > memberCharsMax) return {}
  try {
    const value: unknown = JSON.parse(text)
    if (key === '"id"' && (typeof value === 'string' || typeof value === 'number')) return { id: value }
    return key === '"method"' && typeof value === 'string' ? { method: value } : {}
  } catch {
    return {}
  }
}

/** Returns the position of the quote that ends a string, or the end of the line. */
function endOfText(line: string, start: number): number {
  for (let end = line.indexOf('"', start + 1); end !== -1; end = line.indexOf('"', end + 1)) {
    let escapes = 0
    while (line.charCodeAt(end - 1 - escapes) === backslash) escapes += 1
    if (escapes % 2 === 0) return end
  }
  return line.length
}
