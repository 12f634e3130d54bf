/**
 * The body of a request for a message, as far as the gateway must understand it to price it. It is read piece by piece
 * as it arrives, so that a long one never keeps the server busy, and is never parsed as a whole: what is forwarded
 * keeps its bytes, except for the value of `max_tokens`.
 *
 * Owns: the pieces of one body. Invariant: no other reader of JSON sees other members in it than this one.
 */

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
  /** It may ask for a cache that lasts an hour, which costs more. */
  cachesForAnHour: boolean
  bytes: number
}

/** The offsets of a member's value. */
interface Member {
  from: number
  to: number
}

/** A request that the gateway does not forward. The message completes the API's `invalid_request_error`. */
export class BodyProblem extends Error {
  override readonly name = 'BodyProblem'
}

type Expected = 'start' | 'key' | 'colon' | 'value' | 'nothing'

/** The API knows some thirty. */
const membersMax = 200
/** Schemas of tools nest, and by far not so deep. */
const depthMax = 500
/** Of a member that is parsed: tools are the longest, and have some hundred thousand bytes. */
const parsedBytesMax = 1024 ** 2

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

export class MessageBody {
  readonly #pieces: Buffer[] = []
  readonly #members = new Map<string, Member>()
  #bytes = 0
  #depth = 0
  #inString = false
  #escaped = false
  #expected: Expected = 'start'
  /** Where the key or the value began that is being read. */
  #from = 0
  #key: Member | null = null
  readonly #keys: { key: Member; value: Member }[] = []
  #whole: Buffer | null = null
  #hasMedia = false
  #hasHour = false
  /** The end of the piece before, in which a word may begin. */
  #tail: Buffer = Buffer.alloc(0)

  get bytes(): number {
    return this.#bytes
  }

  /** @throws BodyProblem if what has arrived cannot begin an object of JSON. */
  take(piece: Buffer): void {
    this.#pieces.push(piece)
    this.#look(piece)
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at] as number
      if (this.#inString) this.#readInString(byte, this.#bytes + at)
      else this.#read(byte, this.#bytes + at)
    }
    this.#bytes += piece.length
  }

  /** @throws BodyProblem if the request cannot be priced. */
  end(): AskedMessage {
    if (this.#expected !== 'nothing') throw notAnObject()
    this.#whole = Buffer.concat(this.#pieces)
    for (const { key, value } of this.#keys) {
      const name = parse(this.#text(key))
      if (typeof name !== 'string') throw notAnObject()
      if (this.#members.has(name)) throw new BodyProblem(`${name}: given twice`)
      this.#members.set(name, value)
    }
    this.#refuseSurcharges()
    refuseUncounted(this.#value('context_management'))
    return {
      model: this.#model(),
      fallbacks: fallbacksIn(this.#value('fallbacks')),
      maxTokens: this.#maxTokens(),
      thinkingTokens: budgetOf(this.#value('thinking')),
      ...serverToolUsesIn(this.#value('tools'), this.#value('mcp_servers')),
      hasMedia: this.#hasMedia,
      cachesForAnHour: this.#hasHour,
      bytes: this.#bytes,
    }
  }

  /** The body to forward. */
  withMaxTokens(maxTokens: number): Buffer {
    const { from, to } = this.#members.get('max_tokens') as Member
    const whole = this.#whole as Buffer
    return Buffer.concat([whole.subarray(0, from), Buffer.from(String(maxTokens)), whole.subarray(to)])
  }

  /** The body of a request to count the tokens of this one. */
  toCount(): Buffer {
    const whole = this.#whole as Buffer
    const parts = counted.flatMap((name): Buffer[] => {
      const member = this.#members.get(name)
      if (member === undefined) return []
      return [Buffer.from(`,${JSON.stringify(name)}:`), whole.subarray(member.from, member.to)]
    })
    // Without the first comma.
    return Buffer.concat([Buffer.from('{'), Buffer.concat(parts).subarray(1), Buffer.from('}')])
  }

  /** Piece by piece, since a search of a whole body takes long. */
  #look(piece: Buffer): void {
    if (this.#hasMedia && this.#hasHour) return
    const text = Buffer.concat([this.#tail, piece])
    const isHidden = has(text, escapes)
    this.#hasMedia ||= isHidden || has(text, media)
    this.#hasHour ||= isHidden || text.includes('"1h"')
    this.#tail = text.subarray(-longestWord)
  }

  #readInString(byte: number, at: number): void {
    if (this.#escaped) this.#escaped = false
    else if (byte === 0x5c) this.#escaped = true
    else if (byte === 0x22) {
      this.#inString = false
      if (this.#depth === 1 && this.#expected === 'key') {
        this.#key = { from: this.#from, to: at + 1 }
        this.#expected = 'colon'
      }
    } else if (byte < 0x20) throw notAnObject()
  }

  #read(byte: number, at: number): void {
    if (isSpace(byte)) return
    if (this.#depth === 0) this.#open(byte)
    else if (this.#depth === 1 && this.#expected !== 'value') this.#readKey(byte, at)
    else this.#readValue(byte, at)
  }

  #open(byte: number): void {
    if (this.#expected !== 'start' || byte !== 0x7b) throw notAnObject()
    this.#depth = 1
    this.#expected = 'key'
  }

  #readKey(byte: number, at: number): void {
    if (this.#expected === 'key' && byte === 0x22) {
      this.#inString = true
      this.#from = at
    } else if (this.#expected === 'key' && byte === 0x7d && this.#keys.length === 0) {
      this.#close()
    } else if (this.#expected === 'colon' && byte === 0x3a) {
      this.#expected = 'value'
      this.#from = at + 1
    } else throw notAnObject()
  }

  #readValue(byte: number, at: number): void {
    if (byte === 0x22) this.#inString = true
    else if (byte === 0x7b || byte === 0x5b) this.#deeper()
    else if (this.#depth > 1 && (byte === 0x7d || byte === 0x5d)) this.#depth--
    else if (this.#depth === 1 && (byte === 0x2c || byte === 0x7d)) {
      if (this.#keys.length >= membersMax) throw new BodyProblem('the request has too many members')
      this.#keys.push({ key: this.#key as Member, value: { from: this.#from, to: at } })
      this.#expected = 'key'
      if (byte === 0x7d) this.#close()
    } else if (!isOfValue(byte) && !(byte === 0x3a && this.#depth > 1)) throw notAnObject()
  }

  #deeper(): void {
    this.#depth++
    if (this.#depth > depthMax) throw new BodyProblem('the request is nested too deeply')
  }

  #close(): void {
    this.#depth = 0
    this.#expected = 'nothing'
  }

  #text({ from, to }: Member): string {
    return (this.#whole as Buffer).toString('utf8', from, to)
  }

  #value(name: string): unknown {
    const member = this.#members.get(name)
    if (member === undefined) return undefined
    if (member.to - member.from > parsedBytesMax) throw new BodyProblem(`${name}: too long`)
    return parse(this.#text(member))
  }

  #model(): string {
    const model = this.#value('model')
    if (isName(model)) return model
    throw new BodyProblem('model: the name of a model')
  }

  #maxTokens(): number {
    const maxTokens = this.#value('max_tokens')
    if (typeof maxTokens === 'number' && Number.isSafeInteger(maxTokens) && maxTokens >= 0) return maxTokens
    throw new BodyProblem('max_tokens: a number of tokens')
  }

  /** What multiplies the price of every token is not in the price that is known. */
  #refuseSurcharges(): void {
    const usual: Record<string, unknown[]> = {
      speed: ['standard'],
      inference_geo: ['global', 'not_available'],
      service_tier: ['auto', 'standard_only'],
    }
    for (const [name, values] of Object.entries(usual)) {
      const value = this.#value(name)
      if (value !== undefined && value !== null && !values.includes(value)) {
        throw new BodyProblem(`${name}: a run with a budget uses what the configured price is for`)
      }
    }
  }
}

function notAnObject(): BodyProblem {
  return new BodyProblem('the body is not an object of JSON')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw notAnObject()
  }
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

/** Letters, digits and signs: of numbers and literals, and between the values of lists and objects. */
function isOfValue(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x2b ||
    byte === 0x2c ||
    byte === 0x2d ||
    byte === 0x2e
  )
}

function budgetOf(thinking: unknown): number {
  const { budget_tokens: tokens } = (thinking ?? {}) as { budget_tokens?: unknown }
  return typeof tokens === 'number' && tokens > 0 ? tokens : 0
}

function isName(value: unknown): value is string {
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

/** Longer than every word that is looked for. */
const longestWord = 20

function has(body: Buffer, words: readonly string[]): boolean {
  return words.some((word) => body.includes(word))
}
