/**
 * The output of an agent's process, line by line: every line is a message, one JSON object.
 *
 * Invariant: at most `lineCharsMax` of an unfinished line are held; nothing is read after a line that is
 * not a message.
 */
import { isComplete, isModest } from './shape.ts'

/** Several times the longest result that a tool may return to the model. */
const lineCharsMax = 64 * 1024 * 1024

export interface LineReceiver {
  message(line: string, message: { type: string }): void
  /** Called once: the process wrote a line that is not a message. */
  broken(line: string): void
}

export class MessageLines {
  readonly #receiver: LineReceiver
  #pieces: string[] = []
  #length = 0
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
    if (this.#length > lineCharsMax) this.#break(this.#pieces.join('').slice(0, 1000))
  }

  #take(line: string): void {
    if (line.trim() === '') return
    const message = parse(line)
    if (message === null) this.#break(line)
    else this.#receiver.message(line, message)
  }

  #break(line: string): void {
    this.#done = true
    this.#pieces = []
    this.#receiver.broken(line)
  }
}

function parse(line: string): { type: string } | null {
  if (!isModest(line)) return null
  try {
    const value: unknown = JSON.parse(line)
    const isMessage =
      value !== null && typeof value === 'object' && 'type' in value && typeof value.type === 'string'
    return isMessage && isComplete(value as { type: string }) ? (value as { type: string }) : null
  } catch {
    return null
  }
}
