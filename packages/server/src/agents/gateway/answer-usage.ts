/**
 * What an answer of an API says that it has used, read while it passes. Owns: the beginning of a line, or
 * a whole answer that is no stream, until it can be read.
 */
import type { IncomingMessage } from 'node:http'
import { StringDecoder } from 'node:string_decoder'
import { noTokens, type Tokens } from '#agents/spending/price'

export interface AnswerUsage {
  /** The model that answered; null: the answer does not say. */
  model: string | null
  tokens: Tokens
  /** Of `cacheCreationTokens`: what was written for an hour. */
  cacheHourTokens: number
  searches: number
}

/** How a vendor reports what an answer used. */
export interface UsageForm {
  /** Cheap, and asked of each line of a stream: most of them say nothing of it. */
  mayTell(line: string): boolean
  /** What is known after an event of a stream; `isLast`: it is all there is to know. Null: the event says nothing. */
  read(event: Fields, before: AnswerUsage): { usage?: AnswerUsage; isLast: boolean } | null
  /** Of an answer that is no stream. Null: it does not say. */
  readWhole(answer: Fields): AnswerUsage | null
}

export const nothingUsed: AnswerUsage = { model: null, tokens: noTokens, cacheHourTokens: 0, searches: 0 }

/** More than any answer has; what is longer counts as an answer that does not say what it used. */
const keptCharsMax = 64 * 1024 ** 2

export class UsageReader {
  readonly #isStream: boolean
  readonly #decoder = new StringDecoder('utf8')
  #text = ''
  #isLost = false
  #usage: AnswerUsage | null = null
  #isComplete = false
  #bytes = 0

  readonly #form: UsageForm

  constructor({ headers }: Pick<IncomingMessage, 'headers'>, form: UsageForm = messagesUsage) {
    this.#form = form
    this.#isStream = (headers['content-type'] ?? '').toLowerCase().includes('text/event-stream')
  }

  /** The usage of a whole answer; null while it is not whole, or if it does not say. */
  get complete(): AnswerUsage | null {
    return this.#isComplete ? this.#usage : null
  }

  /** What an answer that broke off has used at least; null if it did not say that it had begun. */
  get seen(): AnswerUsage | null {
    return this.#usage
  }

  /** How many bytes have arrived. */
  get bytes(): number {
    return this.#bytes
  }

  take(piece: Buffer): void {
    this.#bytes += piece.length
    if (this.#isLost) return
    this.#text += this.#decoder.write(piece)
    if (this.#isStream) this.#readLines()
    if (this.#text.length > keptCharsMax) {
      this.#isLost = true
      this.#text = ''
    }
  }

  /** The answer has ended. */
  end(): void {
    if (this.#isLost) return
    if (this.#isStream) {
      this.#readLine(this.#text)
      return
    }
    const usage = this.#form.readWhole(parsed(this.#text))
    this.#text = ''
    if (usage === null) return
    this.#usage = usage
    this.#isComplete = true
  }

  #readLines(): void {
    let from = 0
    for (let to = this.#text.indexOf('\n'); to !== -1; to = this.#text.indexOf('\n', from)) {
      this.#readLine(this.#text.slice(from, to))
      from = to + 1
    }
    this.#text = this.#text.slice(from)
  }

  #readLine(line: string): void {
    if (!line.startsWith('data:')) return
    if (!this.#form.mayTell(line)) return
    const told = this.#form.read(parsed(line.slice('data:'.length)), this.#usage ?? nothingUsed)
    if (told === null) return
    this.#usage = told.usage ?? this.#usage
    if (told.isLast) this.#isComplete = this.#usage !== null
  }
}

/** Of the Messages API of Anthropic. */
export const messagesUsage: UsageForm = {
  mayTell: (line) => line.includes('"usage"') || line.includes('message_stop'),
  read({ type, message, usage }, before) {
    if (type === 'message_stop') return { isLast: true }
    const [about, told] =
      type === 'message_start' && isObject(message) ? [message, message.usage] : [{}, usage]
    if (!isObject(told) || (type !== 'message_start' && type !== 'message_delta')) return null
    return { usage: grownBy(about, told, before), isLast: false }
  },
  readWhole: (answer) => (isObject(answer.usage) ? grownBy(answer, answer.usage, nothingUsed) : null),
}

/** Figures of a stream only grow; an event may leave out those that did not change. */
function grownBy({ model }: Fields, usage: Fields, before: AnswerUsage): AnswerUsage {
  const { cache_creation: written, server_tool_use: server, iterations } = usage
  // A model that answers in the place of another is counted beside it only here.
  const parts = Array.isArray(iterations) ? iterations.filter(isObject) : []
  const grown = (field: string, known: number) =>
    Math.max(
      larger(usage[field], known),
      parts.reduce((sum, part) => sum + larger(part[field], 0), 0),
    )
  return {
    model: typeof model === 'string' ? model : before.model,
    tokens: {
      inputTokens: grown('input_tokens', before.tokens.inputTokens),
      outputTokens: grown('output_tokens', before.tokens.outputTokens),
      cacheReadTokens: grown('cache_read_input_tokens', before.tokens.cacheReadTokens),
      cacheCreationTokens: grown('cache_creation_input_tokens', before.tokens.cacheCreationTokens),
    },
    cacheHourTokens: larger(
      isObject(written) ? written.ephemeral_1h_input_tokens : 0,
      before.cacheHourTokens,
    ),
    searches: larger(isObject(server) ? server.web_search_requests : 0, before.searches),
  }
}

export type Fields = Record<string, unknown>

export function isObject(value: unknown): value is Fields {
  return value !== null && typeof value === 'object'
}

export function larger(value: unknown, before: number): number {
  return typeof value === 'number' && Number.isFinite(value) && value > before ? value : before
}

function parsed(text: string): Fields {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : {}
  } catch {
    return {}
  }
}
