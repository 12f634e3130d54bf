/**
 * Splits what a process writes into lines.
 *
 * Invariants: at most `lineCharsMax` of an unfinished line are held; nothing is passed on after a line that is too
 * long, or after `stop()`.
 */
export interface LineTaker {
  line(text: string): void
  /** Called once, with the beginning of a line of more than `lineCharsMax`. */
  tooLong(beginning: string): void
}

const beginningChars = 1000

export class LineSplitter {
  readonly #lineCharsMax: number
  readonly #taker: LineTaker
  #pieces: string[] = []
  #length = 0
  #done = false

  constructor(lineCharsMax: number, taker: LineTaker) {
    this.#lineCharsMax = lineCharsMax
    this.#taker = taker
  }

  push(text: string): void {
    let start = 0
    for (let end = text.indexOf('\n'); end !== -1 && !this.#done; end = text.indexOf('\n', start)) {
      const line = this.#finish(text.slice(start, end))
      start = end + 1
      this.#taker.line(line)
    }
    if (this.#done || start === text.length) return
    this.#pieces.push(text.slice(start))
    this.#length += text.length - start
    if (this.#length <= this.#lineCharsMax) return
    const beginning = this.#pieces.join('').slice(0, beginningChars)
    this.stop()
    this.#taker.tooLong(beginning)
  }

  /** Joins all pieces at once: a long line added to a short one would be copied again when it is read. */
  #finish(last: string): string {
    if (this.#pieces.length === 0) return last
    this.#pieces.push(last)
    const line = this.#pieces.join('')
    this.#pieces = []
    this.#length = 0
    return line
  }

  stop(): void {
    this.#done = true
    this.#pieces = []
  }
}
