/**
 * The output of an agent's process, line by line: every line is a message, one JSON object.
 *
 * Invariant: at most `lineCharsMax` of an unfinished line are held; nothing is read after a line that is
 * not a message.
 */
import { LineSplitter } from '#agents/line-splitter'
import { isModest } from '#agents/modest-line'
import { isComplete } from './shape.ts'

/** Several times the longest result that a tool may return to the model. */
const lineCharsMax = 64 * 1024 * 1024

export interface LineReceiver {
  message(line: string, message: { type: string }): void
  /** Called once: the process wrote a line that is not a message. */
  broken(line: string): void
}

export class MessageLines {
  readonly #receiver: LineReceiver
  readonly #lines = new LineSplitter(lineCharsMax, {
    line: (text) => this.#take(text),
    tooLong: (beginning) => this.#receiver.broken(beginning),
  })

  constructor(receiver: LineReceiver) {
    this.#receiver = receiver
  }

  push(text: string): void {
    this.#lines.push(text)
  }

  #take(line: string): void {
    if (line.trim() === '') return
    const message = parse(line)
    if (message !== null) {
      this.#receiver.message(line, message)
      return
    }
    this.#lines.stop()
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
