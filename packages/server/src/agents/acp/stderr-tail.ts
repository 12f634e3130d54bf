/** The end of what a process writes to its error output: its last words matter, and the rest is forgotten. */
import type { Readable } from 'node:stream'

const charsMax = 8192

export class StderrTail {
  #text = ''

  read(stderr: Readable): void {
    stderr.setEncoding('utf8')
    stderr.on('data', (text: string) => {
      this.#text = (this.#text + text).slice(-charsMax)
    })
    stderr.on('error', () => {})
  }

  /** Empty if it wrote nothing. */
  get lastLine(): string {
    return this.#text.trim().split('\n').at(-1)?.trim() ?? ''
  }
}
