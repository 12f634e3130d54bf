/** A call of an agent's tool, for people: in one line where it is shown, in full where people are asked about it. */
import { wholeCharacters } from './bounds.ts'

const lineLength = 160
const fullLength = 8000
/** Names of the fields that say most about a call; the first that an input has is shown. */
const telling = [
  'command',
  'file_path',
  'notebook_path',
  'url',
  'query',
  'pattern',
  'path',
  'description',
  'skill',
]

/** `Bash npm test`: the tool and what it works on, in one line. Paths inside `cwd` are relative to it. */
export function callInLine(tool: string, input: unknown, cwd?: string): string {
  const fields = typeof input === 'object' && input !== null ? (input as Record<string, unknown>) : {}
  const found = telling.map((name) => fields[name]).find((value) => typeof value === 'string')
  const what = typeof found === 'string' ? relative(found, cwd) : (questionIn(fields) ?? compact(fields))
  return clip(`${tool} ${what}`.trimEnd(), lineLength)
}

/** What is asked first, of a call that asks people. */
function questionIn({ questions }: Record<string, unknown>): string | undefined {
  const [first] = Array.isArray(questions) ? questions : []
  return typeof first?.question === 'string' ? first.question : undefined
}

/**
 * The call as it would be made. The person who allows it must see all of it, and nothing in it may hide. What is too
 * long to be shown is counted.
 */
export function callInFull(tool: string, input: unknown): string {
  const fields = typeof input === 'object' && input !== null ? (input as Record<string, unknown>) : {}
  const { command, ...others } = fields
  const parts =
    typeof command === 'string'
      ? [command, ...(Object.keys(others).length > 0 ? [JSON.stringify(others)] : [])]
      : [JSON.stringify(input, null, 2) ?? '']
  const whole = revealed(parts.join('\n'))
  const left = whole.length - fullLength
  const shown = left > 0 ? `${whole.slice(0, fullLength)}\n… ${left} more characters are not shown` : whole
  return [tool, ...shown.split('\n').map((line) => `  ${line}`)].join('\n')
}

/** The beginning and the end of a tool's result, without its empty lines; what is left out is counted. */
export function excerpt(text: string, most: number): string[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const cut = (line: string) => clip(line.trimEnd(), lineLength)
  const left = lines.length - most
  if (left <= 1) return lines.map(cut)
  const head = Math.floor(most / 2)
  return [...lines.slice(0, head).map(cut), `… ${left} lines …`, ...lines.slice(head - most).map(cut)]
}

/** The first line, `most` characters at most, with an ellipsis for what is left out. */
export function clip(text: string, most: number): string {
  const [line = '', ...others] = text.split('\n')
  if (line.length > most) return `${wholeCharacters(line.slice(0, most - 1))}…`
  return others.length > 0 ? `${line} …` : line
}

/** Shows characters that are invisible, or that would appear in another place, as their code points. */
function revealed(text: string): string {
  return text.replace(/(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) => {
    const number = character.codePointAt(0) ?? 0
    return `\\u{${number.toString(16)}}`
  })
}

function relative(path: string, cwd: string | undefined): string {
  return cwd !== undefined && path.startsWith(`${cwd}/`) ? path.slice(cwd.length + 1) : path
}

function compact(fields: Record<string, unknown>): string {
  return Object.keys(fields).length === 0 ? '' : JSON.stringify(fields)
}
