/**
 * Is a line or a message of a session's process what the server and the agent SDK can take? Programs of
 * the project run as the same user as the process and may write in its name, so it is looked at first.
 */

/** Objects and arrays in one another. What is deeper cannot be written as JSON again. */
const deepest = 200
/** Values in one message. Each takes far more memory than its text: as text, `{}` has two bytes. */
const mostValues = 500_000

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const opening = new Set([0x7b, 0x5b])
const closing = new Set([0x7d, 0x5d])

/** Looked at before the line is parsed: text is cheap, and what it stands for may not be. */
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
      if (depth > deepest) return false
    }
    if (values > mostValues) return false
  }
  return true
}

/** Where the quote that ends a text is; a text without one ends with the line. */
function endOfText(line: string, start: number): number {
  for (let end = line.indexOf('"', start + 1); end !== -1; end = line.indexOf('"', end + 1)) {
    let escapes = 0
    while (line.charCodeAt(end - 1 - escapes) === backslash) escapes += 1
    if (escapes % 2 === 0) return end
  }
  return line.length
}

/**
 * A request or an answer to one without its parts is an error that the SDK lets nobody catch: as a
 * rejection that nothing handles it would end the server.
 */
export function isComplete(message: { type: string }): boolean {
  const { type, request, response, request_id: id } = message as Record<string, unknown>
  switch (type) {
    case 'control_request':
      return isId(id) && isObject(request) && typeof request.subtype === 'string'
    case 'control_response':
      return isObject(response) && isId(response.request_id)
    case 'control_cancel_request':
      return isId(id)
    default:
      return true
  }
}

function isId(value: unknown): boolean {
  return typeof value === 'string' && value.length <= 200
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}
