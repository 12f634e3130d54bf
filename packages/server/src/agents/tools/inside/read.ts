/** The tool `read`: lines of a text file, with their numbers. */
import { closeSync, readSync } from 'node:fs'
import { type Answer, Refusal } from './answer.ts'
import { binaryKind, openRegular, sizeText } from './files.ts'

export interface ReadRequest {
  path: string
  /** The first line, from 1. */
  offset: number
  linesMax: number
  lineCharsMax: number
  outputCharsMax: number
  /** Bytes that are read to find lines and to count them. */
  bytesMax: number
}

interface Line {
  number: number
  text: string
  /** Characters of the line that are not shown; at least so many. */
  cut: number
}

interface Found {
  lines: Line[]
  /** Of the whole file, or of what was read of it. */
  total: number
  bytes: number
  whole: boolean
  full: boolean
  crlf: number
  endsWithNewline: boolean
  bom: boolean
  invalid: boolean
}

const newline = 10
const carriageReturn = 13
const chunkBytes = 256 * 1024
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])

export function run(request: ReadRequest): Answer {
  const { path } = request
  const { fd, stat } = openRegular(path)
  try {
    const found = new LineReader(request).read(fd)
    const details = { path, lines: found.total, bytes: found.whole ? found.bytes : stat.size }
    return { ok: true, text: textOf(found, request, stat.size), details }
  } finally {
    closeSync(fd)
  }
}

class LineReader {
  readonly #request: ReadRequest
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  readonly #found: Found = {
    lines: [],
    total: 0,
    bytes: 0,
    whole: false,
    full: false,
    crlf: 0,
    endsWithNewline: true,
    bom: false,
    invalid: false,
  }
  /** The beginning of the line that is being read. */
  #kept: Buffer[] = []
  #keptBytes = 0
  #lineBytes = 0
  #lastByte = 0
  #chars = 0

  constructor(request: ReadRequest) {
    this.#request = request
  }

  read(fd: number): Found {
    const found = this.#found
    const chunk = Buffer.alloc(chunkBytes)
    while (found.bytes < this.#request.bytesMax) {
      const length = readSync(fd, chunk, 0, chunkBytes, null)
      if (length === 0) {
        found.whole = true
        break
      }
      const bytes = chunk.subarray(0, length)
      if (found.bytes === 0) this.#begin(bytes)
      else this.#take(bytes)
      found.bytes += length
    }
    if (this.#lineBytes > 0) {
      found.endsWithNewline = false
      // A CR at the end of the file ends no line with CRLF.
      if (this.#lastByte === carriageReturn) found.crlf -= 1
      this.#endLine()
    }
    return found
  }

  #begin(bytes: Buffer): void {
    const kind = binaryKind(bytes)
    if (kind !== null) throw new Refusal(notText(this.#request.path, kind))
    this.#found.bom = bytes.subarray(0, 3).equals(byteOrderMark)
    this.#take(this.#found.bom ? bytes.subarray(3) : bytes)
  }

  #take(bytes: Buffer): void {
    let start = 0
    for (let end = bytes.indexOf(newline); end !== -1; end = bytes.indexOf(newline, start)) {
      this.#keep(bytes.subarray(start, end))
      this.#lineBytes += 1
      this.#endLine()
      start = end + 1
    }
    this.#keep(bytes.subarray(start))
  }

  #keep(part: Buffer): void {
    if (part.length === 0) return
    this.#lineBytes += part.length
    this.#lastByte = part.at(-1) ?? 0
    if (!this.#isWanted()) return
    const room = this.#request.lineCharsMax * 4 - this.#keptBytes
    if (room <= 0) return
    // A copy: the chunk is used again.
    const kept = Buffer.from(part.subarray(0, room))
    this.#kept.push(kept)
    this.#keptBytes += kept.length
  }

  #isWanted(): boolean {
    const { offset, linesMax } = this.#request
    const { lines, total, full } = this.#found
    return !full && total + 1 >= offset && lines.length < linesMax
  }

  #endLine(): void {
    const found = this.#found
    const isWanted = this.#isWanted()
    found.total += 1
    if (this.#lastByte === carriageReturn) found.crlf += 1
    if (isWanted) this.#add()
    this.#kept = []
    this.#keptBytes = 0
    this.#lineBytes = 0
    this.#lastByte = 0
  }

  #add(): void {
    const { lineCharsMax, outputCharsMax } = this.#request
    const found = this.#found
    const bytes = Buffer.concat(this.#kept)
    const decoded = this.#decoder.decode(bytes)
    if (this.#keptBytes < lineCharsMax * 4 && decoded.includes('\ufffd') && !isValid(bytes))
      found.invalid = true
    const whole = decoded.endsWith('\r') ? decoded.slice(0, -1) : decoded
    const text = whole.slice(0, lineCharsMax)
    const cut = whole.length - text.length + Math.max(this.#lineBytes - this.#keptBytes - 1, 0)
    if (this.#chars + text.length > outputCharsMax && found.lines.length > 0) {
      found.full = true
      return
    }
    this.#chars += text.length + 8
    found.lines.push({ number: found.total, text, cut })
  }
}

function isValid(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}

function notText(path: string, kind: string): string {
  if (kind.endsWith('image'))
    return `${path} is an image (${kind.replace(' image', '')}). This tool reads text only and cannot show images.`
  if (kind === 'UTF-16 text')
    return `${path} is UTF-16 text. Convert it with the shell tool: iconv -f UTF-16 -t UTF-8.`
  return `${path} is ${kind}. This tool reads text only; use the shell tool to examine it.`
}

function textOf(found: Found, { path, offset }: ReadRequest, size: number): string {
  if (found.bytes === 0) return `${path} is empty (0 bytes).`
  const { lines } = found
  const last = lines.at(-1)
  if (last === undefined) {
    if (found.whole) return `${path} has ${linesText(found.total)}; there is no line ${offset}.`
    return `${path} is ${sizeText(size)}. Line ${offset} is beyond the first ${sizeText(found.bytes)}, which is as far as this tool reads. Use the shell tool.`
  }
  const shown = lines.map(({ number, text, cut }) => {
    const note =
      cut > 0 ? ` [… ${cut} more ${cut === 1 ? 'character' : 'characters or bytes'} in this line]` : ''
    return `${String(number).padStart(6)}\t${text}${note}`
  })
  const notes = notesOn(found, offset, last.number, size)
  return notes.length === 0 ? shown.join('\n') : `${shown.join('\n')}\n\n${notes.join('\n')}`
}

function notesOn(found: Found, offset: number, last: number, size: number): string[] {
  const notes: string[] = []
  const { total } = found
  if (!found.whole)
    notes.push(
      `[Lines ${offset}–${last} of a file of ${sizeText(size)}; only its first ${sizeText(found.bytes)} were read.]`,
    )
  else if (last < total)
    notes.push(`[Lines ${offset}–${last} of ${total}. To read on, use offset ${last + 1}.]`)
  else if (offset > 1) notes.push(`[Lines ${offset}–${last} of ${total}: the end of the file.]`)
  if (found.bom) notes.push('[The file begins with a byte order mark. Edits keep it.]')
  if (found.crlf > 0)
    notes.push(
      found.crlf >= total - 1
        ? '[Lines end with CRLF. Edits keep that.]'
        : `[Line endings are mixed: ${found.crlf} of ${total} lines end with CRLF.]`,
    )
  if (found.whole && !found.endsWithNewline) notes.push('[There is no newline at the end of the file.]')
  if (found.invalid) notes.push('[Bytes that are not UTF-8 are shown as \ufffd.]')
  return notes
}

function linesText(count: number): string {
  return count === 1 ? '1 line' : `${count} lines`
}
