/**
 * What an agent's process writes to its standard output, line by line: every line is one JSON-RPC message.
 *
 * Invariants: at most `lineCharsMax` of an unfinished line are held; nothing is read after a line that is too long, or
 * after more stray lines than any program prints by mistake.
 */
import { isModest } from '#agents/claude/process/shape'

export type JsonRecord = Record<string, unknown>

export interface LineReceiver {
  /** Takes secrets out of a line. */
  redact(line: string): string
  /** `chars`: the length of its line. */
  message(message: JsonRecord, chars: number): void
  /** The line is not a message: some agents print warnings among them. */
  stray(line: string): void
  /** Called once. */
  broken(why: string): void
}

const lineCharsMax = 32 * 1024 ** 2
const strayLinesMax = 1000

export class JsonLines {
  readonly #receiver: LineReceiver
  #pieces: string[] = []
  #length = 0
  #strayLines = 0
  #done = false

  constructor(receiver: LineReceiver) {
    this.#receiver = receiver
  }

  push(text: string): void {
    let start = 0
    for (let end = text.indexOf('\n'); end !== -1 && !this.#done; end = text.indexOf('\n', start)) {
      this.#take(this.#pieces.join('') + text.slice(start, end))
      this.#pieces = []
      this.#length = 0
      start = end + 1
    }
    if (this.#done || start === text.length) return
    this.#pieces.push(text.slice(start))
    this.#length += text.length - start
    if (this.#length > lineCharsMax) this.#break(`a line of more than ${lineCharsMax} characters`)
  }

  #take(line: string): void {
    const text = this.#receiver.redact(line.trim())
    if (text === '') return
    const message = parse(text)
    if (message !== null) {
      this.#receiver.message(message, text.length)
      return
    }
    this.#strayLines += 1
    if (this.#strayLines > strayLinesMax) this.#break(`more than ${strayLinesMax} lines that are no messages`)
    else this.#receiver.stray(text)
  }

  #break(why: string): void {
    this.#done = true
    this.#pieces = []
    this.#receiver.broken(why)
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
