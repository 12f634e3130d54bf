/**
 * Lines with ANSI control sequences, for people. Colours, weights and hyperlinks are kept; every other sequence is
 * removed. A line begins with the style that the caller gives, which is what the lines before it left on.
 *
 * Text never vanishes: a sequence that has no end in its line loses its introducer, and the rest is shown.
 */

/** 0–255: the terminal's palette. A text: `#rrggbb`. */
export type Color = number | string

export interface Style {
  readonly color?: Color
  readonly background?: Color
  readonly bold?: boolean
  readonly dim?: boolean
  readonly italic?: boolean
  readonly underline?: boolean
  readonly inverse?: boolean
  readonly strike?: boolean
}

export interface Span {
  readonly text: string
  readonly style: Style
  /** An address that may be opened: http or https. */
  readonly href?: string
}

export const plain: Style = {}
/** What has to be looked at: C0 but the tab, DEL, and C1. */
const control = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/
const controls = new RegExp(control, 'g')

/** Sequences at their start. CSI; OSC with its end; other strings with their end; short escapes. */
const csi = /(?:\u001b\[|\u009b)([0-?]*)[ -/]*([@-~])/y
const osc = /(?:\u001b\]|\u009d)([^\u0007\u001b\u009c]*)(?:\u0007|\u001b\\|\u009c)/y
const string = /(?:\u001b[PX^_]|[\u0090\u0098\u009e\u009f])[^\u001b\u009c]*(?:\u001b\\|\u009c)/y
const introducer = /\u001b[[\]PX^_]/y
const short = /\u001b[ -/]*[0-~]/y

/** The text of a line without its control sequences. */
export function stripAnsi(line: string): string {
  if (!control.test(line)) return line
  return parseAnsi(line)
    .map(({ text }) => text)
    .join('')
}

/** The spans of a line alone. */
export function parseAnsi(line: string): readonly Span[] {
  return styledLine(line, plain).spans
}

/** The spans of a line, and the style that it leaves on. */
export function styledLine(line: string, before: Style): { spans: readonly Span[]; after: Style } {
  if (line === '') return { spans: [], after: before }
  if (!control.test(line)) return { spans: [{ text: line, style: before }], after: before }
  const spans: Span[] = []
  let style = before
  let href: string | undefined
  let text = ''
  const close = () => {
    if (text !== '') spans.push(href === undefined ? { text, style } : { text, style, href })
    text = ''
  }
  let at = 0
  while (at < line.length) {
    controls.lastIndex = at
    const next = controls.exec(line)?.index ?? line.length
    text += line.slice(at, next)
    if (next === line.length) break
    const sequence = sequenceAt(line, next)
    at = next + sequence.length
    if (sequence.sgr !== undefined) {
      close()
      style = afterSgr(style, sequence.sgr)
    } else if (sequence.link !== undefined) {
      close()
      href = openable(sequence.link)
    }
  }
  close()
  return { spans, after: style }
}

interface Sequence {
  length: number
  /** Parameters of a sequence that sets styles. */
  sgr?: string
  /** Address of a hyperlink that begins; empty where one ends. */
  link?: string
}

function sequenceAt(line: string, at: number): Sequence {
  const found = (pattern: RegExp) => {
    pattern.lastIndex = at
    return pattern.exec(line)
  }
  const control = found(csi)
  if (control !== null) {
    const [{ length }, parameters = '', final] = control
    return final === 'm' && /^[\d;:]*$/.test(parameters) ? { length, sgr: parameters } : { length }
  }
  const command = found(osc)
  if (command !== null) {
    const [{ length }, content = ''] = command
    const link = /^8;[^;]*;(.*)$/s.exec(content)?.[1]
    return link === undefined ? { length } : { length, link }
  }
  const other = found(string) ?? found(introducer) ?? found(short)
  return { length: other?.[0].length ?? 1 }
}

const addressCharsMax = 2048

/** Only addresses of the web are opened: a log must not offer `javascript:` or `file:`. */
function openable(address: string): string | undefined {
  if (address.length > addressCharsMax || !/^https?:\/\/[^\s]/i.test(address)) return undefined
  return URL.canParse(address) ? address : undefined
}

const parametersMax = 64

function afterSgr(before: Style, parameters: string): Style {
  // `38:2::r:g:b` has an empty place for a colour space; with semicolons there is none.
  const fields = parameters.split(';').slice(0, parametersMax)
  let style = before
  for (let index = 0; index < fields.length; index++) {
    const [code = 0, ...rest] = (fields[index] ?? '').split(':').map(Number)
    if (code === 38 || code === 48 || code === 58) {
      const hasColons = rest.length > 0
      const values = hasColons ? withoutSpace(rest) : fields.slice(index + 1, index + 5).map(Number)
      const color = colorOf(values)
      if (!hasColons) index += values[0] === 5 ? 2 : values[0] === 2 ? 4 : 0
      if (color !== undefined && code !== 58)
        style = { ...style, [code === 38 ? 'color' : 'background']: color }
    } else style = afterCode(style, code, rest[0])
  }
  return style
}

/** `2::r:g:b` → `2, r, g, b`. */
function withoutSpace(values: number[]): number[] {
  return values[0] === 2 && values.length >= 5 ? [2, ...values.slice(2)] : values
}

function colorOf([form, ...values]: number[]): Color | undefined {
  const isByte = (value: number | undefined): value is number =>
    value !== undefined && Number.isInteger(value) && value >= 0 && value <= 255
  const [first, second, third] = values
  if (form === 5) return isByte(first) ? first : undefined
  if (form !== 2 || !isByte(first) || !isByte(second) || !isByte(third)) return undefined
  return `#${[first, second, third].map((value) => value.toString(16).padStart(2, '0')).join('')}`
}

function afterCode(style: Style, code: number, variant: number | undefined): Style {
  if (code === 0) return plain
  if (code >= 30 && code <= 37) return { ...style, color: code - 30 }
  if (code >= 40 && code <= 47) return { ...style, background: code - 40 }
  if (code >= 90 && code <= 97) return { ...style, color: code - 82 }
  if (code >= 100 && code <= 107) return { ...style, background: code - 92 }
  if (code === 4 && variant === 0) return without(style, 'underline')
  const set = setBy[code]
  if (set !== undefined) return { ...style, [set]: true }
  return (unsetBy[code] ?? []).reduce(without, style)
}

/** Concealed text is shown dimmed: a log hides nothing. */
const setBy: Record<number, keyof Style> = {
  1: 'bold',
  2: 'dim',
  3: 'italic',
  4: 'underline',
  7: 'inverse',
  8: 'dim',
  9: 'strike',
  21: 'underline',
}
const unsetBy: Record<number, (keyof Style)[]> = {
  22: ['bold', 'dim'],
  23: ['italic'],
  24: ['underline'],
  27: ['inverse'],
  28: ['dim'],
  29: ['strike'],
  39: ['color'],
  49: ['background'],
}

function without(style: Style, name: keyof Style): Style {
  const { [name]: _, ...rest } = style
  return rest
}
