/**
 * An object of JSON that is read piece by piece as it arrives, so that a long one never keeps the server busy, and is never
 * parsed as a whole: what is forwarded keeps its bytes, except for single members.
 *
 * Owns: the pieces of one body. Invariant: no other reader of JSON sees other members in it than this one.
 */

/** The offsets of a member's value. */
interface Member {
  from: number
  to: number
}

/** A request that the gateway does not forward. The message completes the API's `invalid_request_error`. */
export class BodyProblem extends Error {
  override readonly name = 'BodyProblem'
}

type Expected = 'start' | 'key' | 'colon' | 'value' | 'nothing'

/** The APIs know some thirty. */
const membersMax = 200
/** Schemas of tools nest, and by far not so deep. */
const depthMax = 500
/** Of a member that is parsed: tools are the longest, and have some hundred thousand bytes. */
const parsedBytesMax = 1024 ** 2

export class JsonObject {
  readonly #pieces: Buffer[] = []
  readonly #members = new Map<string, Member>()
  #bytes = 0
  #depth = 0
  #inString = false
  #escaped = false
  #expected: Expected = 'start'
  /** Where the key or the value began that is being read. */
  #from = 0
  #key: Member | null = null
  readonly #keys: { key: Member; value: Member }[] = []
  #whole: Buffer | null = null

  get bytes(): number {
    return this.#bytes
  }

  /** The names of its members, once it has ended. */
  get names(): string[] {
    return [...this.#members.keys()]
  }

  /** @throws BodyProblem if what has arrived cannot begin an object of JSON. */
  take(piece: Buffer): void {
    this.#pieces.push(piece)
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at] as number
      if (this.#inString) this.#readInString(byte, this.#bytes + at)
      else this.#read(byte, this.#bytes + at)
    }
    this.#bytes += piece.length
  }

  /** @throws BodyProblem if it is no object, or one that two readers could read differently. */
  end(): void {
    if (this.#expected !== 'nothing') throw notAnObject()
    this.#whole = Buffer.concat(this.#pieces)
    for (const { key, value } of this.#keys) {
      const name = parse(this.#text(key))
      if (typeof name !== 'string') throw notAnObject()
      if (this.#members.has(name)) throw new BodyProblem(`${name}: given twice`)
      this.#members.set(name, value)
    }
  }

  /** How often these words are in it. */
  count(words: readonly string[]): number {
    const whole = this.#whole as Buffer
    let count = 0
    for (const word of words)
      for (let at = whole.indexOf(word); at !== -1; at = whole.indexOf(word, at + word.length)) count += 1
    return count
  }

  /** Is the member too long to be parsed? */
  isLong(name: string): boolean {
    const { from, to } = this.#members.get(name) ?? { from: 0, to: 0 }
    return to - from > parsedBytesMax
  }

  /** Undefined where there is no such member. */
  value(name: string): unknown {
    const member = this.#members.get(name)
    if (member === undefined) return undefined
    if (this.isLong(name)) throw new BodyProblem(`${name}: too long`)
    return parse(this.#text(member))
  }

  /** All of it, with other values of some members, or with members more. */
  with(values: Readonly<Record<string, unknown>>): Buffer {
    const whole = this.#whole as Buffer
    const isEmpty = this.#members.size === 0
    const changes = Object.entries(values).map(([name, value], index): Member & { text: string } => {
      const member = this.#members.get(name)
      if (member !== undefined) return { ...member, text: JSON.stringify(value) }
      const from = whole.indexOf('{') + 1
      const comma = isEmpty && index === Object.keys(values).length - 1 ? '' : ','
      return { from, to: from, text: `${JSON.stringify(name)}:${JSON.stringify(value)}${comma}` }
    })
    const parts: Uint8Array[] = []
    let at = 0
    for (const { from, to, text } of changes.sort((one, other) => one.from - other.from)) {
      parts.push(whole.subarray(at, from), Buffer.from(text))
      at = to
    }
    return Buffer.concat([...parts, whole.subarray(at)])
  }

  /** The text of an object of these members alone. */
  only(names: readonly string[], others: Readonly<Record<string, unknown>> = {}): Buffer {
    const whole = this.#whole as Buffer
    const parts: Uint8Array[] = Object.entries(others).map(([name, value]) =>
      Buffer.from(`,${JSON.stringify(name)}:${JSON.stringify(value)}`),
    )
    for (const name of names) {
      const member = this.#members.get(name)
      if (member === undefined) continue
      parts.push(Buffer.from(`,${JSON.stringify(name)}:`), whole.subarray(member.from, member.to))
    }
    // Without the first comma.
    return Buffer.concat([Buffer.from('{'), Buffer.concat(parts).subarray(1), Buffer.from('}')])
  }

  #readInString(byte: number, at: number): void {
    if (this.#escaped) this.#escaped = false
    else if (byte === 0x5c) this.#escaped = true
    else if (byte === 0x22) {
      this.#inString = false
      if (this.#depth === 1 && this.#expected === 'key') {
        this.#key = { from: this.#from, to: at + 1 }
        this.#expected = 'colon'
      }
    } else if (byte < 0x20) throw notAnObject()
  }

  #read(byte: number, at: number): void {
    if (isSpace(byte)) return
    if (this.#depth === 0) this.#open(byte)
    else if (this.#depth === 1 && this.#expected !== 'value') this.#readKey(byte, at)
    else this.#readValue(byte, at)
  }

  #open(byte: number): void {
    if (this.#expected !== 'start' || byte !== 0x7b) throw notAnObject()
    this.#depth = 1
    this.#expected = 'key'
  }

  #readKey(byte: number, at: number): void {
    if (this.#expected === 'key' && byte === 0x22) {
      this.#inString = true
      this.#from = at
    } else if (this.#expected === 'key' && byte === 0x7d && this.#keys.length === 0) {
      this.#close()
    } else if (this.#expected === 'colon' && byte === 0x3a) {
      this.#expected = 'value'
      this.#from = at + 1
    } else throw notAnObject()
  }

  #readValue(byte: number, at: number): void {
    if (byte === 0x22) this.#inString = true
    else if (byte === 0x7b || byte === 0x5b) this.#deeper()
    else if (this.#depth > 1 && (byte === 0x7d || byte === 0x5d)) this.#depth--
    else if (this.#depth === 1 && (byte === 0x2c || byte === 0x7d)) {
      if (this.#keys.length >= membersMax) throw new BodyProblem('the request has too many members')
      this.#keys.push({ key: this.#key as Member, value: { from: this.#from, to: at } })
      this.#expected = 'key'
      if (byte === 0x7d) this.#close()
    } else if (!isOfValue(byte) && !(byte === 0x3a && this.#depth > 1)) throw notAnObject()
  }

  #deeper(): void {
    this.#depth++
    if (this.#depth > depthMax) throw new BodyProblem('the request is nested too deeply')
  }

  #close(): void {
    this.#depth = 0
    this.#expected = 'nothing'
  }

  #text({ from, to }: Member): string {
    return (this.#whole as Buffer).toString('utf8', from, to)
  }
}

function notAnObject(): BodyProblem {
  return new BodyProblem('the body is not an object of JSON')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw notAnObject()
  }
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

/** Letters, digits and signs: of numbers and literals, and between the values of lists and objects. */
function isOfValue(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x2b ||
    byte === 0x2c ||
    byte === 0x2d ||
    byte === 0x2e
  )
}
