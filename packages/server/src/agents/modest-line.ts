/**
 * Checks that a line of an agent's process can be parsed safely. Programs of the project run as the same user as the
 * process and may write in its name.
 */

/** Nesting of objects and arrays. Anything much deeper cannot be serialized again. */
const depthMax = 200
/** Values in one message. Each takes far more memory than its text: as text, `{}` has two bytes. */
const valuesMax = 500_000

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
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

/** Returns the position of the quote that ends a string, or the end of the line. */
function endOfText(line: string, start: number): number {
  for (let end = line.indexOf('"', start + 1); end !== -1; end = line.indexOf('"', end + 1)) {
    let escapes = 0
    while (line.charCodeAt(end - 1 - escapes) === backslash) escapes += 1
    if (escapes % 2 === 0) return end
  }
  return line.length
}
