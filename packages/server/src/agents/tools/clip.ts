/**
 * Keeps the beginning and the end of an output, since the first error and the last words matter most.
 *
 * Invariants: at most `charsMax` characters are kept, of however many; no character outside the basic plane is cut in
 * two; what is not clipped is returned exactly.
 */
export class MiddleClip {
  readonly #headMax: number
  readonly #tailMax: number
  #head = ''
  #tail: string[] = []
  #tailChars = 0
  #dropped = 0

  constructor(charsMax: number) {
    this.#headMax = Math.ceil(charsMax / 2)
    this.#tailMax = charsMax - this.#headMax
  }

  push(text: string): void {
    const room = this.#headMax - this.#head.length
    const head = this.#tailChars + this.#dropped > 0 ? '' : text.slice(0, room)
    this.#head += head
    const rest = text.slice(head.length)
    if (rest === '') return
    this.#tail.push(rest)
    this.#tailChars += rest.length
    // Twice the bound before it is cut: each cut copies.
    if (this.#tailChars > 2 * this.#tailMax + 4096) this.#cutTail()
  }

  get text(): string {
    this.#cutTail()
    const tail = this.#tail.join('')
    if (this.#dropped === 0) return this.#head + tail
    const [head, end] = [wholeEnd(this.#head), wholeStart(tail)]
    const dropped = this.#dropped + this.#head.length - head.length + tail.length - end.length
    return `${head}\n[… ${dropped} characters left out …]\n${end}`
  }

  #cutTail(): void {
    const over = this.#tailChars - this.#tailMax
    if (over <= 0) return
    this.#tail = [this.#tail.join('').slice(over)]
    this.#tailChars -= over
    this.#dropped += over
  }
}

function wholeEnd(text: string): string {
  return /[\ud800-\udbff]$/.test(text) ? text.slice(0, -1) : text
}

function wholeStart(text: string): string {
  return /^[\udc00-\udfff]/.test(text) ? text.slice(1) : text
}
