/**
 * Replaces a text in the bytes of a file. Works on bytes, so that whatever is not part of the text stays as it is: a
 * byte order mark, line endings, bytes that are not UTF-8.
 */
export interface Replacement {
  oldText: string
  newText: string
  replaceAll: boolean
}

export type Replaced =
  | {
      found: 'replaced'
      content: Buffer
      count: number /** Where the first begins and ends, in the new content. */
      start: number
      end: number
    }
  | { found: 'nothing' }
  /** The offsets of the places, in the old content. */
  | { found: 'many'; at: number[] }

export function replace(content: Buffer, { oldText, newText, replaceAll }: Replacement): Replaced {
  const [from, to] = fitted(content, oldText, newText)
  const places = placesOf(content, from)
  const first = places[0]
  if (first === undefined) return { found: 'nothing' }
  if (places.length > 1 && !replaceAll) return { found: 'many', at: places }
  const chosen = withoutOverlaps(places, from.length)
  return {
    found: 'replaced',
    content: replacedAt(content, chosen, from.length, to),
    count: chosen.length,
    start: first,
    end: first + to.length,
  }
}

/** Into one buffer: there may be millions of places, of which pieces would need far more memory and time. */
function replacedAt(content: Buffer, places: readonly number[], length: number, to: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(content.length + places.length * (to.length - length))
  let [read, written] = [0, 0]
  for (const at of places) {
    written += content.copy(bytes, written, read, at)
    written += to.copy(bytes, written)
    read = at + length
  }
  content.copy(bytes, written, read)
  return bytes
}

/**
 * Gives both texts the line endings of the file: a model sees and writes LF, whatever the file has. Where the file
 * has both, the text decides that is there.
 */
function fitted(content: Buffer, oldText: string, newText: string): readonly [Buffer, Buffer] {
  const given = [Buffer.from(oldText), Buffer.from(newText)] as const
  const crlf = [Buffer.from(toCrlf(oldText)), Buffer.from(toCrlf(newText))] as const
  const lf = [Buffer.from(toLf(oldText)), Buffer.from(toLf(newText))] as const
  const ending = endingOf(content)
  switch (ending) {
    case 'none':
      return given
    case 'lf':
      return lf
    case 'crlf':
      return crlf
    case 'mixed':
      return [given, crlf, lf].find(([text]) => content.includes(text)) ?? given
    default:
      return ending satisfies never
  }
}

export type Ending = 'lf' | 'crlf' | 'mixed' | 'none'

export function endingOf(content: Buffer): Ending {
  let [lf, crlf] = [0, 0]
  for (let at = content.indexOf(10); at !== -1; at = content.indexOf(10, at + 1)) {
    if (at > 0 && content[at - 1] === 13) crlf += 1
    else lf += 1
    if (lf > 0 && crlf > 0) return 'mixed'
  }
  if (lf > 0) return 'lf'
  return crlf > 0 ? 'crlf' : 'none'
}

function toLf(text: string): string {
  return text.replaceAll('\r\n', '\n')
}

function toCrlf(text: string): string {
  return toLf(text).replaceAll('\n', '\r\n')
}

/** Includes places that overlap: of two such, neither is the one that was meant. */
function placesOf(content: Buffer, text: Buffer): number[] {
  const places: number[] = []
  if (text.length === 0) return places
  for (let at = content.indexOf(text); at !== -1; at = content.indexOf(text, at + 1)) places.push(at)
  return places
}

function withoutOverlaps(places: readonly number[], length: number): number[] {
  const chosen: number[] = []
  let free = 0
  for (const at of places) {
    if (at < free) continue
    chosen.push(at)
    free = at + length
  }
  return chosen
}
