/**
 * The body of a model's answer on its way to the provider package: a stream of server-sent events, line by line.
 *
 * Owns: the beginning of a line whose end has not arrived.
 * Invariants: no event is longer than `eventBytesMax`, which bounds what the package must hold; a body that is no
 * stream of events fails with a sentence for people, and is not taken for an answer that broke off.
 */
import { Transform, type TransformCallback } from 'node:stream'
import { ExecutionFailure } from '#agents/spending/meter'

/** Far more than any event of a model, the longest of which repeats a whole answer. */
export const eventBytesMax = 8 * 1024 ** 2
/** Of a body that is no stream: enough for what it says of an error. */
const excerptBytesMax = 16 * 1024
const excerptCharsMax = 200
const refusalBytesMax = 1024 ** 2

const lineFeed = 0x0a
const carriageReturn = 0x0d

/** An answer began, so that it may cost something, and is of no use. */
export class UselessAnswer extends ExecutionFailure {
  constructor(message: string) {
    super('provider_error', message)
  }
}

export class EventLines extends Transform {
  readonly #host: string
  /** Of a line, in pieces: joining them at each piece would take quadratic time. */
  #open: Buffer[] = []
  #eventBytes = 0
  /** A line break would end the event. */
  #isLineEmpty = true
  #endsWithReturn = false
  /** Null: nothing but white space has arrived. */
  #isStream: boolean | null = null
  #excerptBytes = 0

  constructor(host: string) {
    super()
    this.#host = host
  }

  override _transform(piece: Buffer, _encoding: string, done: TransformCallback): void {
    this.#isStream ??= beginsStream(piece)
    if (this.#isStream === false) {
      this.#open.push(piece)
      this.#excerptBytes += piece.length
      done(this.#excerptBytes > excerptBytesMax ? this.#noStream() : null)
      return
    }
    this.#count(piece)
    if (this.#eventBytes > eventBytesMax) done(this.#tooLong())
    else {
      this.#pass(piece)
      done()
    }
  }

  #pass(piece: Buffer): void {
    const end = Math.max(piece.lastIndexOf(lineFeed), piece.lastIndexOf(carriageReturn)) + 1
    if (end > 0) {
      this.push(Buffer.concat([...this.#open, piece.subarray(0, end)]))
      this.#open = []
    }
    if (end < piece.length) this.#open.push(piece.subarray(end))
  }

  override _flush(done: TransformCallback): void {
    const isOther = this.#isStream === false
    if (!isOther && this.#open.length > 0) this.push(Buffer.concat(this.#open))
    done(isOther ? this.#noStream() : null)
  }

  #count(piece: Buffer): void {
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at]
      this.#eventBytes += 1
      if (byte !== lineFeed && byte !== carriageReturn) {
        this.#isLineEmpty = false
        this.#endsWithReturn = false
        continue
      }
      // CR LF is one break.
      if (byte === carriageReturn || !this.#endsWithReturn) {
        if (this.#isLineEmpty) this.#eventBytes = 0
        this.#isLineEmpty = true
      }
      this.#endsWithReturn = byte === carriageReturn
    }
  }

  #tooLong(): UselessAnswer {
    return new UselessAnswer(`${this.#host} sent an event of more than ${eventBytesMax / 1024 ** 2} MiB.`)
  }

  #noStream(): UselessAnswer {
    const text = Buffer.concat(this.#open).toString('utf8')
    return new UselessAnswer(noStream(this.#host, text.trimStart().startsWith('<') ? null : wordsOf(text)))
  }
}

/** The body of a refusal, of which only the beginning is read. */
export class RefusalBody extends Transform {
  #bytesLeft = refusalBytesMax

  override _transform(piece: Buffer, _encoding: string, done: TransformCallback): void {
    if (this.#bytesLeft > 0) this.push(piece.subarray(0, this.#bytesLeft))
    this.#bytesLeft -= piece.length
    if (this.#bytesLeft <= 0) this.push(null)
    done()
  }
}

/** A sentence for people. `words`: what the answer says; null for a web page. */
export function noStream(host: string, words: string | null): string {
  const what = words === null ? 'a web page' : 'JSON'
  const said = words === null || words === '' ? '' : `: ${words}`
  return `${host} answered with ${what} instead of a stream of events (is "baseUrl" right?)${said}`
}

/** Lines of a stream begin with the name of a field, or a colon. Null: white space only. */
function beginsStream(piece: Buffer): boolean | null {
  const first = piece
    .toString('latin1', 0, 256)
    .replace(/^\xef\xbb\xbf/, '')
    .trimStart()[0]
  return first === undefined ? null : !'{[<'.includes(first)
}

function wordsOf(text: string): string {
  return messageIn(text).replace(/\s+/g, ' ').trim().slice(0, excerptCharsMax)
}

function messageIn(text: string): string {
  try {
    const { error, message } = JSON.parse(text) as Record<string, unknown>
    const said =
      typeof error === 'object' && error !== null ? (error as { message?: unknown }).message : error
    return String(said ?? message ?? text)
  } catch {
    return text
  }
}
