/** Finds where a text stops being JSON: V8 gives the position of some mistakes only. */

interface TextPosition {
  line: number
  column: number
}

const token =
  /[ \t\r\n]*(?:([{}[\],:])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null)(?!\w))|$)/y

type Wanted = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or end' | 'end'

/** Returns the first character that no JSON text could have there, 1-based; the end if the text is cut off. */
export function jsonErrorPosition(text: string): TextPosition {
  const open: ('{' | '[')[] = []
  let wanted: Wanted = 'value'
  let offset = 0
  while (true) {
    token.lastIndex = offset
    const match: RegExpExecArray | null = token.exec(text)
    const start = offset + (/^[ \t\r\n]*/.exec(text.slice(offset))?.[0].length ?? 0)
    if (match === null || match[0].length === 0 || start === text.length) return positionOf(text, start)
    const [, mark, literal] = match
    const next: Wanted | undefined =
      mark === undefined ? afterLiteral(wanted, literal ?? '', open) : afterMark(wanted, mark, open)
    if (next === undefined) return positionOf(text, start)
    wanted = next
    offset = token.lastIndex
  }
}

function afterLiteral(wanted: Wanted, literal: string, open: readonly string[]): Wanted | undefined {
  if (wanted === 'key' || wanted === 'key or }') return literal.startsWith('"') ? ':' : undefined
  return wanted === 'value' || wanted === 'value or ]' ? afterValue(open) : undefined
}

function afterMark(wanted: Wanted, mark: string, open: ('{' | '[')[]): Wanted | undefined {
  const value = wanted === 'value' || wanted === 'value or ]'
  switch (mark) {
    case '{':
    case '[':
      if (!value) return undefined
      open.push(mark)
      return mark === '{' ? 'key or }' : 'value or ]'
    case '}':
      if (open.at(-1) !== '{' || (wanted !== 'key or }' && wanted !== ', or end')) return undefined
      open.pop()
      return afterValue(open)
    case ']':
      if (open.at(-1) !== '[' || (wanted !== 'value or ]' && wanted !== ', or end')) return undefined
      open.pop()
      return afterValue(open)
    case ',':
      if (wanted !== ', or end') return undefined
      return open.at(-1) === '{' ? 'key' : 'value'
    default:
      return wanted === ':' ? 'value' : undefined
  }
}

function afterValue(open: readonly string[]): Wanted {
  return open.length === 0 ? 'end' : ', or end'
}

function positionOf(text: string, offset: number): TextPosition {
  const before = text.slice(0, offset).split('\n')
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 }
}
