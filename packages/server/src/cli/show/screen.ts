/**
 * Text that arrives in pieces, on two streams that may be one terminal.
 *
 * Owns: which stream is in the middle of a line, and in which style. The bytes on each stream depend on
 * the texts and never on how they were cut; a style that was begun is ended before anything else is
 * written, and a line that was begun is ended before the next one.
 */
import { styleText } from 'node:util'
import { type Output, printable, type Style, write } from '#cli/terminal'

export type Look = 'answer' | 'thought' | 'call' | 'result' | 'error' | 'note' | 'question'

export class Screen {
  readonly #streams: { stdout: Output; stderr: Output }
  /** The text being written, if any. */
  #run: { stream: Output; look: Look; close: string } | undefined
  #midLine = false

  constructor(streams: { stdout: Output; stderr: Output }) {
    this.#streams = streams
  }

  /** True while a line is begun and not ended. */
  get midLine(): boolean {
    return this.#midLine
  }

  /** True while a prompt waits at the end of its line. */
  get prompting(): boolean {
    return this.#run?.look === 'question'
  }

  /** Continues the text before it if that had the same look; otherwise begins a line. */
  text(look: Look, text: string): Promise<void> {
    if (text === '') return Promise.resolve()
    const stream = this.#streamOf(look)
    let bytes = ''
    if (this.#run?.look !== look) {
      this.#endRun()
      const [open, close] = codes(styleOf(look), stream)
      this.#run = { stream, look, close }
      bytes = open
    }
    this.#midLine = !text.endsWith('\n')
    // An answer that a program reads is left unchanged; remarks about it are for people, wherever they go.
    const raw = look === 'answer' && !stream.isTTY
    return write(stream, bytes + (raw ? text : harmless(text)))
  }

  /** Writes lines of their own. */
  line(look: Look, text: string): Promise<void> {
    this.settle()
    const stream = this.#streamOf(look)
    const lines = harmless(text).split('\n')
    const styled = lines.map((line) => (line === '' ? '' : styleText(styleOf(look), line, { stream })))
    return write(stream, `${styled.join('\n')}\n`)
  }

  /** Shows a question that waits at the end of its line, where a person sees it. */
  prompt(text: string): Promise<void> {
    this.settle()
    this.#run = { stream: this.#streams.stdout, look: 'question', close: '' }
    this.#midLine = true
    return write(this.#streams.stdout, styleText('bold', text, { stream: this.#streams.stdout }))
  }

  /** Notes that the person has ended the line of the prompt. */
  typed(): void {
    if (this.#run?.look !== 'question') return
    this.#run = undefined
    this.#midLine = false
  }

  /** Ends the open style and the open line. */
  settle(): void {
    this.#endRun()
    this.#run = undefined
  }

  #endRun(): void {
    if (this.#run === undefined) return
    const { stream, close } = this.#run
    const end = close + (this.#midLine ? '\n' : '')
    if (end !== '') stream.write(end)
    this.#midLine = false
  }

  #streamOf(look: Look): Output {
    const { stdout, stderr } = this.#streams
    // A question must be where its answer is typed.
    return look === 'answer' || (look === 'question' && stdout.isTTY) ? stdout : stderr
  }
}

function styleOf(look: Look): Style {
  switch (look) {
    case 'answer':
      return 'reset'
    case 'thought':
      return ['dim', 'italic']
    case 'call':
      return 'cyan'
    case 'error':
      return 'red'
    case 'question':
      return 'yellow'
    case 'result':
    case 'note':
      return 'dim'
    default:
      return look satisfies never
  }
}

/** Removes carriage returns, mostly half of a line's end, which would be shown as foreign characters. */
function harmless(text: string): string {
  return printable(text.replaceAll('\r', ''))
}

/** Returns the codes that begin and end a style on a stream; empty ones if it shows no colours. */
function codes(style: Style, stream: Output): [open: string, close: string] {
  if (style === 'reset') return ['', '']
  const [open = '', close = ''] = styleText(style, '|', { stream }).split('|')
  return [open, close]
}
