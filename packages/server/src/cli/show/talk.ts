/**
 * A conversation on the command line: lines of standard input become messages to the agent.
 *
 * Owns: what was typed of a line, and the prompt while the agent waits. A line that answers a question is no message.
 * The terminal stays in line mode, so that Ctrl-C stays a signal.
 */
import type { MessageMode } from '@millrace/protocol'
import { explain } from '#cli/api'
import type { Input } from '#cli/terminal'
import type { Screen } from './screen.ts'

export interface TalkOptions {
  screen: Screen
  input: Input
  /** A line that is typed now answers a question. */
  isAsking(): boolean
  send(text: string, mode: MessageMode): Promise<unknown>
  /** Nothing more will be typed. */
  finish(): Promise<unknown>
}

export const howToTalk =
  'type a message; begin it with > to join the running turn, or with ! to interrupt it; Ctrl-D ends'

const promptText = '> '

export class Talk {
  readonly #options: TalkOptions
  #typed = ''
  #isIdle = false
  #sent: Promise<unknown> = Promise.resolve()
  #close: () => void = () => {}

  constructor(options: TalkOptions) {
    this.#options = options
  }

  open(): void {
    const { input } = this.#options
    const read = (chunk: Buffer | string) => {
      this.#typed += chunk.toString()
      const lines = this.#typed.split('\n')
      this.#typed = lines.pop() ?? ''
      for (const line of lines) this.#take(line)
    }
    const end = () => {
      if (this.#typed.trim() !== '') this.#take(this.#typed)
      this.close()
      void this.#then(() => this.#options.finish())
    }
    input.on('data', read).on('end', end).on('error', end)
    input.resume()
    this.#close = () => {
      input.off('data', read).off('end', end).off('error', end)
      input.pause()
    }
  }

  close(): void {
    this.#close()
    this.#close = () => {}
    this.#isIdle = false
  }

  /** The agent waits for a message. */
  async idle(): Promise<void> {
    this.#isIdle = true
    await this.prompt()
  }

  /** The agent works. */
  busy(): void {
    this.#isIdle = false
  }

  /** Shows the prompt again below other text while the agent waits. */
  async prompt(): Promise<void> {
    const { screen, input } = this.#options
    if (!this.#isIdle || !input.isTTY || screen.prompting || screen.midLine) return
    await screen.prompt(promptText)
  }

  #take(line: string): void {
    if (this.#options.isAsking()) return
    this.#options.screen.typed()
    const { text, mode } = messageIn(line)
    if (text === '') return void this.prompt()
    this.#isIdle = false
    void this.#then(() => this.#options.send(text, mode))
  }

  /** In the order of the lines. */
  #then(call: () => Promise<unknown>): Promise<unknown> {
    this.#sent = this.#sent
      .then(call)
      .catch((error: unknown) => this.#options.screen.line('error', `  not sent: ${explain(error)}`))
    return this.#sent
  }
}

export function messageIn(line: string): { text: string; mode: MessageMode } {
  const text = line.trim()
  if (text.startsWith('!')) return { text: text.slice(1).trim(), mode: 'interrupt' }
  if (text.startsWith('>')) return { text: text.slice(1).trim(), mode: 'steer' }
  return { text, mode: 'queue' }
}
