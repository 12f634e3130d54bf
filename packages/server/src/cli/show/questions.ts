/**
 * The open questions of a session, and the prompt where a person answers them.
 *
 * Owns: the open questions in order, the one that is being asked, and standard input from the first
 * prompt to `close()`. Questions are asked one at a time, each only after everything before it in the log
 * is shown, so that a question answered long ago is not asked again. An answer typed before its question
 * could be read does not count.
 */
import { ClientError } from '@millrace/client'
import { explain } from '#cli/api'
import type { Input } from '#cli/terminal'
import type { Screen } from './screen.ts'

/** Nobody reads a question faster: input within this time was meant for something else. */
const readingMs = 400
const promptText = '  allow? [y/N, a: always in this run] '

/** `scope`: for every call of exactly this kind in the run. */
export interface Answer {
  decision: 'allow' | 'deny'
  scope?: 'run'
}

export interface QuestionsOptions {
  screen: Screen
  /** Where a person answers; undefined if nobody can. */
  input: Input | undefined
  /** Lines to print where nobody can be asked. */
  howToAnswer(approvalId: string): string[]
  answer(approvalId: string, answer: Answer): Promise<unknown>
  /** Milliseconds of a clock that never goes back. */
  now?: () => number
}

export class Questions {
  readonly #options: QuestionsOptions
  readonly #open: string[] = []
  readonly #told = new Set<string>()
  #input: Input | undefined
  #listening: (() => void) | undefined
  #asking: { id: string; since: number; answering: boolean } | undefined
  #typed = ''

  constructor(options: QuestionsOptions) {
    this.#options = options
    this.#input = options.input
  }

  /** True while a line that is typed answers a question. */
  get isAsking(): boolean {
    return this.#asking !== undefined
  }

  add(approvalId: string): void {
    this.#open.push(approvalId)
  }

  /** Removes a question that is answered or no longer needs an answer. */
  remove(approvalId: string): void {
    const index = this.#open.indexOf(approvalId)
    if (index >= 0) this.#open.splice(index, 1)
    if (this.#asking?.id === approvalId) this.#asking = undefined
  }

  /** Asks the first open question, or shows its prompt again below other text if it is being asked. */
  async ask(): Promise<void> {
    const { screen } = this.#options
    const id = this.#open[0]
    if (id === undefined) return
    if (this.#input === undefined) return this.#tell()
    this.#listening ??= this.#listen(this.#input)
    if (this.#asking?.answering || screen.prompting) return
    this.#asking ??= { id, since: this.#now(), answering: false }
    if (!screen.midLine) await screen.prompt(promptText)
  }

  close(): void {
    this.#listening?.()
    this.#listening = undefined
    this.#open.length = 0
    this.#asking = undefined
  }

  async #tell(): Promise<void> {
    for (const id of this.#open) {
      if (this.#told.has(id)) continue
      this.#told.add(id)
      for (const line of this.#options.howToAnswer(id)) await this.#options.screen.line('question', line)
    }
  }

  /** Returns the function that stops listening. The terminal stays in line mode, so that Ctrl-C stays a signal. */
  #listen(input: Input): () => void {
    const read = (chunk: Buffer | string) => {
      this.#typed += chunk.toString()
      const lines = this.#typed.split('\n')
      this.#typed = lines.pop() ?? ''
      for (const line of lines) void this.#read(line.trim().toLowerCase())
    }
    const end = () => {
      // Nobody can type an answer here now; others may still answer.
      this.#stopAsking()
      void this.#tell()
    }
    input.on('data', read).on('end', end).on('error', end)
    input.resume()
    return () => {
      input.off('data', read).off('end', end).off('error', end)
      input.pause()
    }
  }

  #stopAsking(): void {
    this.#listening?.()
    this.#listening = undefined
    this.#input = undefined
    this.#asking = undefined
    this.#options.screen.settle()
  }

  async #read(line: string): Promise<void> {
    const asking = this.#asking
    const { screen } = this.#options
    screen.typed()
    if (asking === undefined || asking.answering) return
    const early = this.#now() - asking.since < readingMs
    const answer = answerIn(line)
    if (early || answer === undefined) return this.ask()
    asking.answering = true
    try {
      await this.#options.answer(asking.id, answer)
    } catch (error) {
      // Somebody else answered: the log will say who.
      if (error instanceof ClientError && error.status === 409) return
      await screen.line('error', `  not answered: ${explain(error)}`)
      asking.answering = false
      await this.ask()
    }
  }

  #now(): number {
    return this.#options.now?.() ?? performance.now()
  }
}

function answerIn(line: string): Answer | undefined {
  switch (line) {
    case 'y':
    case 'yes':
      return { decision: 'allow' }
    case 'a':
    case 'always':
      return { decision: 'allow', scope: 'run' }
    case '':
    case 'n':
    case 'no':
      return { decision: 'deny' }
    default:
      return undefined
  }
}
