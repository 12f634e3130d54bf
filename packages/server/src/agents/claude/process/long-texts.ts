/**
 * Keeps long texts of an agent's messages out of the SDK, which copies and parses each message again on its way to us.
 *
 *     process ─▶ Bridge ─ line with marks ─▶ SDK ─ message with marks ─▶ ClaudeAgent ─▶ Journal
 *                   └──────────────── LongTexts ───────────────────────────┘
 *
 * Owns the texts that are on that way. Invariants: a message that comes out has the very texts that went in; what decides
 * on calls (control messages) is never changed; texts of messages that the SDK keeps to itself are let go with the next one.
 */
import { randomUUID } from 'node:crypto'

/** Shorter lines are not worth the trouble. */
const lineCharsMin = 256 * 1024
const textCharsMin = 16 * 1024
/** With more on their way the SDK receives the texts, and its pipe holds the process back. */
const heldCharsMax = 128 * 1024 ** 2
/** What the SDK only passes on. */
const passedOn = new Set(['assistant', 'user', 'result'])

type Branch = Record<string | number, unknown>

export class LongTexts {
  /** Unguessable: a process could otherwise ask for the text of another message. */
  readonly #prefix = `${randomUUID()}:`
  readonly #held = new Map<number, string>()
  #heldChars = 0
  #last = 0

  /** Returns the line to give to the SDK; the message, which was parsed from it, is changed. */
  shorten(line: string, message: { type: string }): string {
    if (line.length < lineCharsMin || !passedOn.has(message.type)) return line
    if (this.#heldChars + line.length > heldCharsMax) return line
    visitTexts(message, (text, holder, key) => {
      if (text.length < textCharsMin) return
      this.#last += 1
      this.#held.set(this.#last, text)
      this.#heldChars += text.length
      holder[key] = this.#prefix + this.#last
    })
    return JSON.stringify(message)
  }

  /** Puts the texts back into a message of the SDK. */
  restore(message: { type: string }): void {
    if (this.#held.size === 0 || !passedOn.has(message.type)) return
    let newest = 0
    visitTexts(message, (text, holder, key) => {
      if (!text.startsWith(this.#prefix)) return
      const number = Number(text.slice(this.#prefix.length))
      const held = this.#held.get(number)
      if (held === undefined) return
      holder[key] = held
      newest = Math.max(newest, number)
    })
    for (const [number, text] of this.#held) {
      if (number > newest) break
      this.#held.delete(number)
      this.#heldChars -= text.length
    }
  }
}

/** Not recursive: a message may be deep. */
function visitTexts(
  message: object,
  visit: (text: string, holder: Branch, key: string | number) => void,
): void {
  const branches: Branch[] = [message as Branch]
  for (let branch = branches.pop(); branch !== undefined; branch = branches.pop()) {
    for (const key of Object.keys(branch)) {
      const value = branch[key]
      if (typeof value === 'string') visit(value, branch, key)
      else if (value !== null && typeof value === 'object') branches.push(value as Branch)
    }
  }
}
