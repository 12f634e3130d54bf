/** Brace expansion of plain text: `{a,b}`, `{1..9}`, nested. Null where it is too much or not plain. */
import { plainText } from '#bash/symbols'

const mostResults = 32
const longestText = 300

export function expandBraces(text: string): string[] | null {
  if (text.length > longestText) return null
  const open = text.indexOf('{')
  if (open === -1) return [text]
  const close = closingOf(text, open)
  if (close === -1) return null
  const choices = choicesOf(text.slice(open + 1, close))
  const rest = expandBraces(text.slice(close + 1))
  if (choices === null || rest === null) return null
  const found = choices.flatMap((choice) => rest.map((end) => text.slice(0, open) + choice + end))
  return found.length > mostResults ? null : found
}

function choicesOf(inside: string): string[] | null {
  const choices = splitAtTop(inside)
  if (choices.length > 1) {
    const expanded = choices.map(expandBraces)
    return expanded.some((one) => one === null) ? null : expanded.flatMap((one) => one ?? [])
  }
  const range = /^(?:\d+\.\.\d+(?:\.\.\d+)?|[a-z]\.\.[a-z]|[A-Z]\.\.[A-Z])$/.test(inside)
  return range ? [plainText] : null
}

function splitAtTop(inside: string): string[] {
  const parts: string[] = []
  let depth = 0
  let from = 0
  for (let at = 0; at < inside.length; at++) {
    if (inside[at] === '{') depth++
    if (inside[at] === '}') depth--
    if (inside[at] === ',' && depth === 0) {
      parts.push(inside.slice(from, at))
      from = at + 1
    }
  }
  return [...parts, inside.slice(from)]
}

function closingOf(text: string, open: number): number {
  let depth = 0
  for (let at = open; at < text.length; at++) {
    if (text[at] === '{') depth++
    if (text[at] === '}' && --depth === 0) return at
  }
  return -1
}
