/** What tokens cost. Shared by everything that keeps an agent within its money. */

/** US dollars per million tokens. */
export interface Price {
  input: number
  output: number
  /** Input that the provider read from its cache. Default: as `input`; of Anthropic a tenth of it. */
  cacheRead?: number | undefined
  /** Input that the provider wrote to its cache. Default: as `input`; of Anthropic 1.25 times that. */
  cacheWrite?: number | undefined
  /** Input that the provider wrote to its cache for an hour. Default: as `cacheWrite`; of Anthropic twice `input`. */
  cacheWriteHour?: number | undefined
}

/** Tokens of a step. The parts are disjoint: their sum is everything. */
export type Tokens = {
  inputTokens: number
  outputTokens: number
  cacheReadTokens: number
  cacheCreationTokens: number
}

export const noTokens: Readonly<Tokens> = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheCreationTokens: 0,
}

/** Every rate, those too that default to another. */
export function ratesOf(price: Price): Required<{ [rate in keyof Price]: number }> {
  const { input, output, cacheRead = input, cacheWrite = input, cacheWriteHour = cacheWrite } = price
  return { input, output, cacheRead, cacheWrite, cacheWriteHour }
}

/** Anthropic's rates for its cache are the same multiples of the input's rate for every model. */
export function anthropicPrice(price: Price): Price {
  const { input, cacheRead = input * 0.1, cacheWrite = input * 1.25 } = price
  return { ...price, cacheRead, cacheWrite, cacheWriteHour: price.cacheWriteHour ?? input * 2 }
}

/** The price for an agent that never asks for the cache of an hour: its rate is then not the worst that can happen. */
export function withoutHourlyCache({ cacheWriteHour: _, ...price }: Price): Price {
  return price
}

/** Of all kinds together. */
export function totalOf(tokens: Readonly<Record<string, number>>): number {
  return Object.values(tokens).reduce((sum, count) => sum + count, 0)
}

/** `cacheHourTokens` are those of `cacheCreationTokens` that were written for an hour. */
export function costOf(tokens: Tokens, price: Price, cacheHourTokens = 0): number {
  const { input, output, cacheRead, cacheWrite, cacheWriteHour } = ratesOf(price)
  const hour = Math.min(cacheHourTokens, tokens.cacheCreationTokens)
  const millionths =
    tokens.inputTokens * input +
    tokens.outputTokens * output +
    tokens.cacheReadTokens * cacheRead +
    (tokens.cacheCreationTokens - hour) * cacheWrite +
    hour * cacheWriteHour
  return millionths / 1e6
}

/** A provider may read the input anew or write it to its cache, whichever costs more. */
export function dearestInput(price: Price): number {
  const { input, cacheWrite, cacheWriteHour } = ratesOf(price)
  return Math.max(input, cacheWrite, cacheWriteHour)
}

/** No tokenizer of any provider is at hand: this is more than most texts have. */
export function estimateTokens(value: unknown): number {
  let images = 0
  const json = JSON.stringify(value, (_key, part) => {
    if (!isImage(part)) return part
    images += 1
    return null
  })
  return tokensIn(Buffer.byteLength(json ?? '')) + images * imageTokens
}

/** A file part of a message: providers count an image by its size on a screen, not by its bytes. */
function isImage(part: unknown): boolean {
  const { type, mediaType } = (part ?? {}) as { type?: unknown; mediaType?: unknown }
  return type === 'file' && typeof mediaType === 'string' && mediaType.startsWith('image/')
}

/** More than any provider counts for an image of the size that it accepts. */
export const imageTokens = 5000

export function tokensIn(bytes: number): number {
  return Math.ceil(bytes / bytesPerToken)
}

const bytesPerToken = 3
