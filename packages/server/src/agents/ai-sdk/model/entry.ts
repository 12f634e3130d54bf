/** Models as the configuration and the request name them. */
import { anthropicPrice, type Price } from '#agents/spending/price'

export const providers = ['anthropic', 'openai', 'google', 'openai-compatible'] as const
export type Provider = (typeof providers)[number]

/** One entry of `models` in the configuration. */
export interface ModelEntry {
  provider: Provider
  /** Default: the provider's own address, or its variable (`ANTHROPIC_BASE_URL`, …). */
  baseUrl?: string | undefined
  /** The provider's name of the model. Without it the entry holds for every model of the provider. */
  model?: string | undefined
  /** The variable of the server's environment that holds the key. */
  apiKeyEnv?: string | undefined
  /** Which of OpenAI's two APIs to use. Default: `responses`. */
  api?: 'responses' | 'chat' | undefined
  price?: Price | undefined
  /** How many tokens a request and its answer may have together. If unknown, the provider's refusal shows it. */
  contextTokens?: number | undefined
  /** The bound of one answer. */
  outputTokensMax?: number | undefined
}

export type ModelEntries = Readonly<Record<string, ModelEntry>>

/** A model that the server can reach. */
export interface ResolvedModel {
  /** As the request names it. */
  name: string
  provider: Provider
  id: string
  baseUrl: string | undefined
  apiKey: string | undefined
  api: 'responses' | 'chat'
  price: Price | null
  contextTokens: number | null
  outputTokensMax: number
}

const defaultOutputTokensMax = 8192

/** Where keys and addresses of the known providers are looked up when the configuration names none. */
const variables: Record<Provider, { key: string | null; baseUrl: string | null }> = {
  anthropic: { key: 'ANTHROPIC_API_KEY', baseUrl: 'ANTHROPIC_BASE_URL' },
  openai: { key: 'OPENAI_API_KEY', baseUrl: 'OPENAI_BASE_URL' },
  google: { key: 'GOOGLE_GENERATIVE_AI_API_KEY', baseUrl: null },
  'openai-compatible': { key: null, baseUrl: null },
}

/** Returns the model, or a sentence that says why there is none. */
export function resolveModel(
  name: string | undefined,
  entries: ModelEntries,
  env: NodeJS.ProcessEnv,
): ResolvedModel | string {
  if (name === undefined) return `An execution needs a model, such as ${examples}.`
  const [provider = '', ...rest] = name.split(':')
  if (!isProvider(provider)) {
    return `The model "${name}" has no known provider: it begins with ${providers.map((each) => `"${each}:"`).join(', ')}.`
  }
  const given = rest.join(':')
  const found =
    provider === 'openai-compatible' ? named(given, entries) : ofProvider(provider, given, entries)
  if (typeof found === 'string') return found
  const { entry, id } = found
  const { key, baseUrl } = variables[provider]
  const keyVariable = entry.apiKeyEnv ?? key
  const apiKey = keyVariable === null ? undefined : env[keyVariable] || undefined
  if (apiKey === undefined && keyVariable !== null) {
    return `The model "${name}" needs a key in the variable ${keyVariable} of the server's environment.`
  }
  return {
    name,
    provider,
    id,
    apiKey,
    baseUrl: entry.baseUrl ?? addressOf(provider, baseUrl === null ? undefined : env[baseUrl]),
    api: entry.api ?? 'responses',
    price:
      entry.price === undefined ? null : provider === 'anthropic' ? anthropicPrice(entry.price) : entry.price,
    contextTokens: entry.contextTokens ?? null,
    outputTokensMax: entry.outputTokensMax ?? defaultOutputTokensMax,
  }
}

/** Returns a name by which a request may ask for a model of the entry. */
export function requestable(name: string, { provider, model = 'any' }: ModelEntry): string {
  return provider === 'openai-compatible' ? `${provider}:${name}:${model}` : `${provider}:${model}`
}

const examples = '"anthropic:<model>", "openai:<model>", "google:<model>" or "openai-compatible:<entry>"'

function isProvider(text: string): text is Provider {
  return (providers as readonly string[]).includes(text)
}

interface Found {
  entry: ModelEntry
  id: string
}

function named(given: string, entries: ModelEntries): Found | string {
  const [name = '', ...rest] = given.split(':')
  const entry = Object.hasOwn(entries, name) ? entries[name] : undefined
  if (entry === undefined || entry.provider !== 'openai-compatible') {
    const known = Object.keys(entries).filter((each) => entries[each]?.provider === 'openai-compatible')
    const list = known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`
    return `"models" of the configuration has no OpenAI-compatible entry "${name}": ${list}.`
  }
  if (entry.baseUrl === undefined) return `The entry "${name}" of "models" needs a baseUrl.`
  const id = rest.length === 0 ? entry.model : rest.join(':')
  if (id === '') return `The model "openai-compatible:${given}" has no name after its last colon.`
  if (id === undefined)
    return `The entry "${name}" of "models" names no model: ask for "openai-compatible:${name}:<model>".`
  return { entry, id }
}

/** Settings of the very model come before settings of its provider. */
function ofProvider(provider: Provider, id: string, entries: ModelEntries): Found | string {
  if (id === '') return `"${provider}:" lacks the name of a model.`
  const fitting = Object.values(entries).filter((entry) => entry.provider === provider)
  const own = fitting.find(({ model }) => model === id)
  const shared = fitting.find(({ model }) => model === undefined)
  return { entry: { provider, ...shared, ...own }, id }
}

/** `ANTHROPIC_BASE_URL` is the address without the version, as the programs of Anthropic read it. */
function addressOf(provider: Provider, value: string | undefined): string | undefined {
  if (value === undefined || value === '') return undefined
  const base = value.replace(/\/+$/, '')
  return provider === 'anthropic' && !base.endsWith('/v1') ? `${base}/v1` : base
}
