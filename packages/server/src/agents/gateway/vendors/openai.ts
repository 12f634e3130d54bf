/** The Responses API and the Chat Completions API of OpenAI. */
import {
  type AnswerUsage,
  type Fields,
  isObject,
  larger,
  nothingUsed,
  type UsageForm,
} from '../answer-usage.ts'
import {
  type AskedMessage,
  modelIn,
  type PricedBody,
  refuseSurcharges,
  tokensAt,
  unpriceable,
  WordFinder,
} from '../body.ts'
import { BodyProblem, JsonObject } from '../json-object.ts'
import { pathOf, type Vendor } from './vendor.ts'

const responses = '/v1/responses'
const chat = '/v1/chat/completions'

export const openai: Vendor = {
  name: 'openai',
  credential: (apiKey) => ({ authorization: `Bearer ${apiKey}` }),
  needs: (method, target) =>
    method === 'POST'
      ? isPriced(target)
      : method === 'GET' && /^\/v1\/models(\/[\w.:-]+)?$/.test(pathOf(target)),
  offer: 'ask for responses, chat completions and the list of models',
  costs: (method, target) => method === 'POST' && isPriced(target),
  body: (target) => new OpenAiBody(pathOf(target) === chat ? chat : responses),
  usage: openAiUsage(),
  counts: (target) =>
    pathOf(target) === responses ? { target: `${responses}/input_tokens`, field: 'input_tokens' } : null,
  refusal: (status, type, message) => ({
    error: {
      message,
      type: status < 500 ? 'invalid_request_error' : 'server_error',
      param: null,
      code: type,
    },
  }),
}

function isPriced(target: string): boolean {
  return pathOf(target) === responses || pathOf(target) === chat
}

/** More than any model of OpenAI answers at once. */
const longestAnswerTokens = 128_000
/** What refers to something at OpenAI whose size does not show, or has a price of its own. */
const refused = [
  'previous_response_id',
  'conversation',
  'prompt',
  'background',
  'context_management',
  'prediction',
  'audio',
  'web_search_options',
]
/** Members whose other values change the price. */
const usual: Readonly<Record<string, unknown[]>> = { service_tier: ['auto', 'default', 'flex'], n: [1] }
/** Tools that the agent runs, or that only say what it may run. */
const ownTools = new Set(['function', 'custom', 'local_shell', 'apply_patch', 'namespace', 'tool_search'])
/** Items of the input that bring tools along. */
const loadingTools = ['"tool_search_output"', '"additional_tools"']
/** Where a request sets no bound of its own. */
const searchesMax = 10

/** The members that the API counts the tokens of. */
const counted = [
  'model',
  'input',
  'instructions',
  'tools',
  'tool_choice',
  'text',
  'reasoning',
  'parallel_tool_calls',
]

class OpenAiBody implements PricedBody {
  readonly #object = new JsonObject()
  readonly #media = new WordFinder([
    '"input_image"',
    '"input_file"',
    '"image_url"',
    '"file_id"',
    '"file_url"',
    '"file"',
  ])
  readonly #loading = new WordFinder(loadingTools)
  readonly #isChat: boolean

  constructor(path: string) {
    this.#isChat = path === chat
  }

  get bytes(): number {
    return this.#object.bytes
  }

  take(piece: Buffer): void {
    this.#media.take(piece)
    this.#loading.take(piece)
    this.#object.take(piece)
  }

  end(): AskedMessage {
    this.#object.end()
    for (const name of refused) {
      const value = this.#object.value(name)
      if (value !== undefined && value !== null && value !== false) throw unpriceable(name)
    }
    refuseSurcharges(this.#object, usual)
    const searches = this.#searches()
    return {
      model: modelIn(this.#object),
      fallbacks: [],
      maxTokens: this.#maxTokens() ?? longestAnswerTokens,
      thinkingTokens: 0,
      serverToolUses: searches,
      searches,
      hasMedia: this.#media.found || this.#object.isLong('input'),
      mediaCount: this.#media.countIn(this.#object),
      cachesForAnHour: false,
      bytes: this.bytes,
    }
  }

  /** A model refuses a bound above its own: where none was asked for, and the rest of the budget pays for any, none is set. */
  withMaxTokens(maxTokens: number): Buffer {
    const isBound = this.#maxTokens() !== null || maxTokens < longestAnswerTokens
    const bound = {
      ...(isBound ? { [this.#maxName()]: maxTokens } : {}),
      ...(this.#searches() > 0 && this.#object.value('max_tool_calls') == null
        ? { max_tool_calls: searchesMax }
        : {}),
    }
    const isStream = this.#isChat && this.#object.value('stream') === true
    return this.#object.with({ ...bound, ...(isStream ? { stream_options: { include_usage: true } } : {}) })
  }

  toCount(): Buffer {
    return this.#object.only(counted)
  }

  #searches(): number {
    const max = this.#object.value('max_tool_calls')
    return Math.max(searchesIn(this.#object.value('tools'), max), searchesIn(this.#toolsOfInput(), max))
  }

  /** An item of the input may bring tools along. */
  #toolsOfInput(): unknown[] {
    if (this.#object.isLong('input')) {
      if (this.#loading.found) throw new BodyProblem('input: too long for a run with a budget to bring tools')
      return []
    }
    const input = this.#object.value('input')
    return Array.isArray(input) ? input.filter(isObject).flatMap(toolsOfItem) : []
  }

  #maxName(): string {
    if (!this.#isChat) return 'max_output_tokens'
    return this.#object.value('max_tokens') == null ? 'max_completion_tokens' : 'max_tokens'
  }

  #maxTokens(): number | null {
    const name = this.#maxName()
    const value = this.#object.value(name) ?? null
    if (this.#isChat && name === 'max_tokens' && this.#object.value('max_completion_tokens') != null)
      throw new BodyProblem('max_tokens: given twice')
    return value === null ? null : tokensAt(name, value)
  }
}

/** @throws BodyProblem if the item stands for another that OpenAI keeps. */
function toolsOfItem({ type, role, id, tools }: Fields): unknown[] {
  if (type === 'item_reference' || ((type ?? role ?? null) === null && id !== undefined))
    throw new BodyProblem('input: a run with a budget gives each item itself, not a reference to it')
  return Array.isArray(tools) ? tools : []
}

function searchesIn(tools: unknown, max: unknown): number {
  let searches = 0
  for (const tool of Array.isArray(tools) ? tools : []) {
    const { type } = (tool ?? {}) as { type?: unknown }
    if (typeof type === 'string' && type.startsWith('web_search'))
      searches = typeof max === 'number' && max >= 0 ? Math.ceil(max) : searchesMax
    else if (typeof type !== 'string' || !ownTools.has(type))
      throw new BodyProblem(`tools: a run with a budget has no tool ${String(type).slice(0, 100)} of OpenAI`)
  }
  return searches
}

function openAiUsage(): UsageForm {
  return {
    mayTell: (line) => line.includes('"usage"'),
    read(event) {
      const usage = usageIn(event)
      return usage === null ? null : { usage, isLast: isOver(event) }
    },
    readWhole: usageIn,
  }
}

/** OpenAI reports usage once, at the end; some servers that speak as it does report it in each event, as it grows. */
function isOver({ choices, response }: Fields): boolean {
  if (isObject(response)) return response.status !== 'in_progress' && response.status !== 'queued'
  if (!Array.isArray(choices)) return true
  return choices.every((choice) => isObject(choice) && typeof choice.finish_reason === 'string')
}

function usageIn(event: Fields): AnswerUsage | null {
  const answer = isObject(event.response) ? event.response : event
  const { usage, model, output } = answer
  if (!isObject(usage)) return null
  const details = usage.input_tokens_details ?? usage.prompt_tokens_details
  const cached = isObject(details) ? larger(details.cached_tokens, 0) : 0
  const input = larger(usage.input_tokens ?? usage.prompt_tokens, 0)
  const searches = Array.isArray(output)
    ? output.filter((item) => isObject(item) && item.type === 'web_search_call').length
    : 0
  return {
    ...nothingUsed,
    model: typeof model === 'string' ? model : null,
    tokens: {
      ...nothingUsed.tokens,
      inputTokens: Math.max(0, input - cached),
      outputTokens: larger(usage.output_tokens ?? usage.completion_tokens, 0),
      cacheReadTokens: cached,
    },
    searches,
  }
}
