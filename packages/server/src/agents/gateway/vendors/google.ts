/** The Gemini API of Google. */
import {
  type AnswerUsage,
  type Fields,
  isObject,
  larger,
  nothingUsed,
  type UsageForm,
} from '../answer-usage.ts'
import { type AskedMessage, type PricedBody, unpriceable, WordFinder } from '../body.ts'
import { BodyProblem, JsonObject } from '../json-object.ts'
import { pathOf, type Vendor } from './vendor.ts'

/** Names have no characters that are encoded in a path. */
const known = /^\/v1(?:beta)?\/models\/([\w.-]{1,256}):(generateContent|streamGenerateContent|countTokens)$/

export const google: Vendor = {
  name: 'google',
  credential: (apiKey) => ({ 'x-goog-api-key': apiKey }),
  // Other parameters may name another key, or another project to be billed.
  needs: (method, target) =>
    method === 'POST' && known.test(pathOf(target)) && /^([^?]*)(\?alt=(sse|json))?$/.test(target),
  offer: 'ask for contents and count tokens',
  costs: (method, target) => method === 'POST' && partsOf(target).method !== 'countTokens',
  body: (target) => new ContentBody(partsOf(target).model),
  usage: googleUsage(),
  counts: (target) => ({
    target: pathOf(target).replace(/:\w+$/, ':countTokens'),
    field: 'totalTokens',
  }),
  refusal: (status, _type, message) => ({
    error: { code: status, message, status: statuses[status] ?? 'INTERNAL' },
  }),
}

const statuses: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  413: 'INVALID_ARGUMENT',
  502: 'UNAVAILABLE',
}

function partsOf(target: string): { model: string; method: string } {
  const [, model = '', method = ''] = known.exec(pathOf(target)) ?? []
  return { model, method }
}

/** More than any model of Google answers at once. */
const longestAnswerTokens = 65_536
/** A reader of Google's accepts a second spelling of each name: only one is served, so that none is overlooked. */
const members = [
  'contents',
  'systemInstruction',
  'tools',
  'toolConfig',
  'safetySettings',
  'generationConfig',
  'labels',
]
/** Where Google itself runs a tool. */
const usesOfATool = 10
/** Fees are counted in searches of a cent: a grounded answer costs up to 3.5 cents. */
const searchesOfAGrounding = 4

class ContentBody implements PricedBody {
  readonly #object = new JsonObject()
  readonly #media = new WordFinder(['"inlineData"', '"inline_data"', '"fileData"', '"file_data"'])
  readonly #model: string

  constructor(model: string) {
    this.#model = model
  }

  get bytes(): number {
    return this.#object.bytes
  }

  take(piece: Buffer): void {
    this.#media.take(piece)
    this.#object.take(piece)
  }

  end(): AskedMessage {
    this.#object.end()
    const other = this.#object.names.find((name) => !members.includes(name))
    if (other !== undefined) throw unpriceable(other.slice(0, 100))
    return {
      model: this.#model,
      fallbacks: [],
      maxTokens: this.#maxTokens() ?? longestAnswerTokens,
      thinkingTokens: 0,
      ...usesIn(this.#object.value('tools')),
      hasMedia: this.#media.found,
      mediaCount: this.#media.countIn(this.#object),
      cachesForAnHour: false,
      bytes: this.bytes,
    }
  }

  withMaxTokens(maxTokens: number): Buffer {
    const isBound = this.#maxTokens() !== null || maxTokens < longestAnswerTokens
    if (!isBound && this.#object.value('generationConfig') == null) return this.#object.with({})
    // Written anew: two readers may differ on a setting that is given twice.
    const bound = isBound ? { maxOutputTokens: maxTokens } : {}
    return this.#object.with({ generationConfig: { ...this.#settings(), ...bound } })
  }

  toCount(): Buffer {
    const asked = this.#object.only(members, { model: `models/${this.#model}` })
    return Buffer.concat([Buffer.from('{"generateContentRequest":'), asked, Buffer.from('}')])
  }

  #settings(): Fields {
    const settings = this.#object.value('generationConfig') ?? {}
    if (!isObject(settings) || Array.isArray(settings)) throw new BodyProblem('generationConfig: an object')
    const odd = Object.keys(settings).find((name) => name.includes('_'))
    if (odd !== undefined)
      throw new BodyProblem(`generationConfig: no ${odd.slice(0, 100)}, but in camel case`)
    const { candidateCount = 1, responseModalities = ['TEXT'] } = settings
    if (candidateCount !== 1 || JSON.stringify(responseModalities).toUpperCase() !== '["TEXT"]')
      throw new BodyProblem('generationConfig: a run with a budget asks for one answer in text')
    return settings
  }

  #maxTokens(): number | null {
    const value = this.#settings().maxOutputTokens ?? null
    // Zero is the same as none to a reader of Google's.
    if (value === null || (typeof value === 'number' && Number.isSafeInteger(value) && value > 0))
      return value
    throw new BodyProblem('generationConfig.maxOutputTokens: a number of tokens')
  }
}

function usesIn(tools: unknown): Pick<AskedMessage, 'serverToolUses' | 'searches'> {
  const uses = { serverToolUses: 0, searches: 0 }
  // Google reads an object as a list of one.
  for (const tool of [tools ?? []].flat()) {
    for (const name of Object.keys(isObject(tool) ? tool : {})) {
      const plain = name.replaceAll('_', '').toLowerCase()
      if (plain === 'functiondeclarations') continue
      if (!['googlesearch', 'urlcontext', 'codeexecution'].includes(plain))
        throw new BodyProblem(`tools: a run with a budget has no tool ${name.slice(0, 100)} of Google`)
      uses.serverToolUses += usesOfATool
      if (plain === 'googlesearch') uses.searches += searchesOfAGrounding * usesOfATool
    }
  }
  return uses
}

function googleUsage(): UsageForm {
  return {
    mayTell: (line) => line.includes('"usageMetadata"') || line.includes('"groundingMetadata"'),
    read(event, before) {
      const usage = usageIn(event, before)
      return usage === null ? null : { usage, isLast: isFinished(event) }
    },
    readWhole(answer) {
      // Without `alt=sse` a stream is a list.
      const events = Array.isArray(answer) ? answer.filter(isObject) : [answer]
      return events.reduce<AnswerUsage | null>(
        (before, event) => usageIn(event, before ?? nothingUsed) ?? before,
        null,
      )
    },
  }
}

function isFinished({ candidates, usageMetadata }: Fields): boolean {
  const [first] = Array.isArray(candidates) ? candidates : []
  return isObject(usageMetadata) && isObject(first) && typeof first.finishReason === 'string'
}

/** Figures of a stream grow from event to event. */
function usageIn(
  { usageMetadata: usage, modelVersion: model, candidates }: Fields,
  before: AnswerUsage,
): AnswerUsage | null {
  const searches = searchesIn(candidates)
  if (!isObject(usage))
    return searches === 0 ? null : { ...before, searches: Math.max(searches, before.searches) }
  const cached = larger(usage.cachedContentTokenCount, 0)
  const input = larger(usage.promptTokenCount, 0) + larger(usage.toolUsePromptTokenCount, 0)
  const output = larger(usage.candidatesTokenCount, 0) + larger(usage.thoughtsTokenCount, 0)
  return {
    ...nothingUsed,
    model: typeof model === 'string' ? model : before.model,
    tokens: {
      ...nothingUsed.tokens,
      inputTokens: Math.max(0, input - cached, before.tokens.inputTokens),
      outputTokens: Math.max(output, before.tokens.outputTokens),
      cacheReadTokens: Math.max(cached, before.tokens.cacheReadTokens),
    },
    searches: Math.max(searches, before.searches),
  }
}

function searchesIn(candidates: unknown): number {
  const [first] = Array.isArray(candidates) ? candidates : []
  const grounding = isObject(first) ? first.groundingMetadata : undefined
  if (!isObject(grounding)) return 0
  const queries = Array.isArray(grounding.webSearchQueries) ? grounding.webSearchQueries.length : 0
  return queries === 0 ? 0 : Math.max(searchesOfAGrounding, queries * 2)
}
