/** The body of a request for a message, as far as the gateway must understand it to price it. */
import { BodyProblem, JsonObject } from './json-object.ts'

/** What a request asks for. */
export interface AskedMessage {
  model: string
  /** The models that may answer in its place. '' stands for one that the API chooses. */
  fallbacks: readonly string[]
  maxTokens: number
  /** `budget_tokens` of its thinking, which an answer must exceed. */
  thinkingTokens: number
  /** How often the API may search, fetch or compute for this answer, which adds to its input. */
  serverToolUses: number
  /** How many of these are searches, each of which has a fee. */
  searches: number
  /** It contains images, documents or references, whose tokens do not show in its bytes. */
  hasMedia: boolean
  /** How many words speak of these: no fewer than there are images. */
  mediaCount: number
  /** It may ask for a cache that lasts an hour, which costs more. */
  cachesForAnHour: boolean
  bytes: number
}

/** A body of which a vendor knows what it may cost. */
export interface PricedBody {
  readonly bytes: number
  /** @throws BodyProblem if what has arrived cannot begin an object of JSON. */
  take(piece: Buffer): void
  /** @throws BodyProblem if the request cannot be priced. */
  end(): AskedMessage
  /** The body to forward. */
  withMaxTokens(maxTokens: number): Buffer
  /** The body of a request to count the tokens of this one. */
  toCount(): Buffer
}

/** The members that the API counts the tokens of. */
const counted = [
  'model',
  'messages',
  'system',
  'tools',
  'tool_choice',
  'thinking',
  'mcp_servers',
  'output_config',
  'context_management',
]

export class MessageBody implements PricedBody {
  readonly #object = new JsonObject()
  readonly #media = new WordFinder(media)
  readonly #hour = new WordFinder(['"1h"'])

  get bytes(): number {
    return this.#object.bytes
  }

  /** @throws BodyProblem if what has arrived cannot begin an object of JSON. */
  take(piece: Buffer): void {
    this.#media.take(piece)
    this.#hour.take(piece)
    this.#object.take(piece)
  }

  /** @throws BodyProblem if the request cannot be priced. */
  end(): AskedMessage {
    this.#object.end()
    refuseSurcharges(this.#object, usual)
    refuseUncounted(this.#object.value('context_management'))
    return {
      model: modelIn(this.#object),
      fallbacks: fallbacksIn(this.#object.value('fallbacks')),
      maxTokens: tokensAt('max_tokens', this.#object.value('max_tokens')),
      thinkingTokens: budgetOf(this.#object.value('thinking')),
      ...serverToolUsesIn(this.#object.value('tools'), this.#object.value('mcp_servers')),
      hasMedia: this.#media.found,
      mediaCount: this.#media.countIn(this.#object),
      cachesForAnHour: this.#hour.found,
      bytes: this.bytes,
    }
  }

  /** The body to forward. */
  withMaxTokens(maxTokens: number): Buffer {
    return this.#object.with({ max_tokens: maxTokens })
  }

  /** The body of a request to count the tokens of this one. */
  toCount(): Buffer {
    return this.#object.only(counted)
  }
}

/** @throws BodyProblem if the value is no number of tokens. */
export function tokensAt(name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw new BodyProblem(`${name}: a number of tokens`)
}

/** For a request whose price cannot be known beforehand, because of this member. */
export function unpriceable(name: string): BodyProblem {
  return new BodyProblem(`${name}: a run with a budget asks for what can be priced beforehand`)
}

/** What multiplies the price of every token is not in the price that is known. */
const usual: Readonly<Record<string, unknown[]>> = {
  speed: ['standard'],
  inference_geo: ['global', 'not_available'],
  service_tier: ['auto', 'standard_only'],
}

/** @throws BodyProblem if a member has another than its usual values. */
export function refuseSurcharges(body: JsonObject, usual: Readonly<Record<string, unknown[]>>): void {
  for (const [name, values] of Object.entries(usual)) {
    const value = body.value(name)
    if (value !== undefined && value !== null && !values.includes(value)) {
      throw new BodyProblem(`${name}: a run with a budget uses what the configured price is for`)
    }
  }
}

export function modelIn(body: JsonObject): string {
  const model = body.value('model')
  if (isName(model)) return model
  throw new BodyProblem('model: the name of a model')
}

function budgetOf(thinking: unknown): number {
  const { budget_tokens: tokens } = (thinking ?? {}) as { budget_tokens?: unknown }
  return typeof tokens === 'number' && tokens > 0 ? tokens : 0
}

export function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 256
}

function fallbacksIn(value: unknown): string[] {
  if (value === undefined || value === null) return []
  if (value === 'default') return ['']
  if (!Array.isArray(value)) throw new BodyProblem('fallbacks: a list of models')
  return value.map((fallback) => {
    const { model } = (fallback ?? {}) as { model?: unknown }
    if (isName(model)) return model
    throw new BodyProblem('fallbacks: a list of models')
  })
}

/** A compaction by the API is an answer of its own, beside the one whose length `max_tokens` bounds. */
function refuseUncounted(management: unknown): void {
  const { edits } = (management ?? {}) as { edits?: unknown }
  if (!Array.isArray(edits)) return
  const isCompaction = edits.some((edit) =>
    /^compact/.test(String((edit as { type?: unknown } | null)?.type)),
  )
  if (isCompaction) {
    throw new BodyProblem('context_management: a run with a budget does not let the API compact')
  }
}

/** Where a request sets no bound of its own. */
const usesOfATool = 10

function serverToolUsesIn(
  tools: unknown,
  servers: unknown,
): Pick<AskedMessage, 'serverToolUses' | 'searches'> {
  const uses = { serverToolUses: Array.isArray(servers) ? servers.length * usesOfATool : 0, searches: 0 }
  for (const tool of Array.isArray(tools) ? tools : []) {
    const { type, max_uses: max } = (tool ?? {}) as Record<string, unknown>
    if (typeof type !== 'string') continue
    if (type.startsWith('advisor')) {
      throw new BodyProblem('tools: a run with a budget has no advisor, whose answers cannot be bounded')
    }
    if (!/^(web_|code_execution|mcp)/.test(type)) continue
    const usesMax = typeof max === 'number' && max >= 0 ? Math.ceil(max) : usesOfATool
    uses.serverToolUses += usesMax
    if (type.startsWith('web_search')) uses.searches += usesMax
  }
  return uses
}

const media = ['"image"', '"document"', '"container_upload"', '"file"']
/** Letters and digits that are written as escapes count as hiding a word: no program writes them so. */
const escapes = ['\\u003', '\\u004', '\\u005', '\\u006', '\\u007']

/** At least as long as every word that is looked for. */
const longestWord = 20

/** Looks for words piece by piece, since a search of a whole body takes long. */
export class WordFinder {
  readonly #words: readonly string[]
  #found = false
  /** The end of the piece before, in which a word may begin. */
  #tail: Buffer = Buffer.alloc(0)

  constructor(words: readonly string[]) {
    this.#words = [...words, ...escapes]
  }

  get found(): boolean {
    return this.#found
  }

  /** How often the words are in a body that has ended. */
  countIn(body: JsonObject): number {
    return this.#found ? body.count(this.#words) : 0
  }

  take(piece: Buffer): void {
    if (this.#found) return
    const text = Buffer.concat([this.#tail, piece])
    this.#found = this.#words.some((word) => text.includes(word))
    this.#tail = text.subarray(-longestWord)
  }
}
