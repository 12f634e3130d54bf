/**
 * What an agent's process writes to its standard output, line by line: every line is one JSON-RPC message.
 *
 * Invariants: at most `lineCharsMax` of an unfinished line are held; nothing is read after a line that is too long, or
 * after more stray lines than any program prints by mistake.
 */

import { LineSplitter } from '#agents/line-splitter'
import { type Envelope, envelopeOf, isModest } from '#agents/modest-line'

export type JsonRecord = Record<string, unknown>

export interface LineReceiver {
  /** Takes secrets out of a line. */
  redact(line: string): string
  /** `chars`: the length of its line. */
  message(message: JsonRecord, chars: number): void
  /** The line is not a message: some agents print warnings among them. */
  stray(line: string): void
  /** The line may be a message, and is not to be parsed. Passed on besides as a stray line. */
  immodest(envelope: Envelope): void
  /** Called once. */
  broken(why: string): void
}

const lineCharsMax = 32 * 1024 ** 2
const strayLinesMax = 1000

export class JsonLines {
  readonly #receiver: LineReceiver
  readonly #lines = new LineSplitter(lineCharsMax, {
    line: (text) => this.#take(text),
    tooLong: () => this.#receiver.broken(`a line of more than ${lineCharsMax} characters`),
  })
  #strayLines = 0

  constructor(receiver: LineReceiver) {
    this.#receiver = receiver
  }

  push(text: string): void {
    this.#lines.push(text)
  }

  #take(line: string): void {
    const text = this.#receiver.redact(line.trim())
    if (text === '') return
    const message = parse(text)
    if (message !== null) {
      this.#receiver.message(message, text.length)
      return
    }
    if (text.startsWith('{') && !isModest(text)) this.#receiver.immodest(envelopeOf(text))
    this.#strayLines += 1
    if (this.#strayLines <= strayLinesMax) {
      this.#receiver.stray(text)
      return
    }
    this.#lines.stop()
    this.#receiver.broken(`more than ${strayLinesMax} lines that are no messages`)
  }
}

function parse(line: string): JsonRecord | null {
  if (!line.startsWith('{') || !isModest(line)) return null
  try {
    const value: unknown = JSON.parse(line)
    return recordOf(value)
  } catch {
    return null
  }
}

export function recordOf(value: unknown): JsonRecord | null {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as JsonRecord) : null
}
