/**
 * What a subscription says: a topic, and options behind it (`topic?options=<JSON, percent-encoded>`,
 * as the official PocketBase SDK writes them).
 *
 * `runs/*`, `runs/<id>`, `projects/*` and `projects/<id>` are topics of records; nobody can publish to
 * a name of theirs. Every other name is an application's own.
 */
import { type Fields, parseFields, UnsupportedModifier } from './fields.ts'

export interface Subscription {
  /** As the client wrote it, byte for byte: the `event:` of what it gets. */
  readonly text: string
  readonly topic: string
  readonly ofRecords: boolean
  readonly fields: Fields | null
  /** The fields as they were written: messages for equal ones are equal. */
  readonly fieldsText: string
}

/** Why a subscription is refused; `option` names what is not supported. */
export class SubscriptionRefused extends Error {
  readonly option: string | null

  constructor(message: string, option: string | null = null) {
    super(message)
    this.option = option
  }
}

export const longestTopic = 2500

/** What would end a field of a frame, or come out as something else than went in. */
export function isOneLine(text: string): boolean {
  return !/[\r\n\0]/.test(text) && text.isWellFormed()
}

/** Names that only the server sends to. */
export function isReserved(topic: string): boolean {
  return /^(?:runs|projects)(?:[/?]|$)/.test(topic) || topic.startsWith('PB_')
}

/** May something be published to this topic? Null, or what is wrong with it. */
export function topicProblem(topic: string): string | null {
  if (topic === '') return 'a topic has a name'
  if (topic.length > longestTopic) return `a topic has at most ${longestTopic} characters`
  if (!isOneLine(topic)) return 'a topic is one line of text'
  if (isReserved(topic)) return 'topics of records are written by the server alone'
  return optionsPattern.test(topic) ? 'a topic has no options' : null
}

const optionsPattern = /^(.*?)[?&]options=([^&]*)$/s
/** Options of PocketBase's records that nothing here answers to, on whatever topic they stand. */
const foreign = new Set(['filter', 'expand', 'sort', 'page', 'perPage', 'skipTotal', 'thumb'])

/** Throws SubscriptionRefused. `text` is one line. */
export function readSubscription(text: string): Subscription {
  const [, name = text, encoded] = optionsPattern.exec(text) ?? []
  const ofRecords = isReserved(name)
  if (ofRecords && name.includes('?')) throw new SubscriptionRefused('Options stand behind "?options=".')
  const query = encoded === undefined ? {} : readQuery(encoded)
  for (const option of Object.keys(query)) {
    // On its own topics an application may give options any meaning: they are part of the name.
    if (option === 'fields' || (!ofRecords && !foreign.has(option))) continue
    throw new SubscriptionRefused(`Unsupported option: ${option.slice(0, 64)}.`, option.slice(0, 64))
  }
  const fieldsText = query.fields ?? ''
  if (typeof fieldsText !== 'string') {
    throw new SubscriptionRefused('The option fields must be a text.', 'fields')
  }
  return { text, topic: name, ofRecords, fields: readFields(fieldsText), fieldsText }
}

function readQuery(encoded: string): Record<string, unknown> {
  const invalid = 'The options must be the JSON of {query, headers}, percent-encoded.'
  let options: unknown
  try {
    options = JSON.parse(decodeURIComponent(encoded.replaceAll('+', ' ')))
  } catch {
    throw new SubscriptionRefused(invalid)
  }
  if (!isObject(options)) throw new SubscriptionRefused(invalid)
  const unknown = Object.keys(options).find((name) => name !== 'query' && name !== 'headers')
  if (unknown !== undefined) {
    throw new SubscriptionRefused(`Unsupported option: ${unknown.slice(0, 64)}.`, unknown.slice(0, 64))
  }
  const { query = {}, headers = {} } = options
  if (!isObject(query ?? {}) || !isObject(headers ?? {})) throw new SubscriptionRefused(invalid)
  return (query ?? {}) as Record<string, unknown>
}

function readFields(text: string): Fields | null {
  try {
    return parseFields(text)
  } catch (error) {
    if (!(error instanceof UnsupportedModifier)) throw error
    throw new SubscriptionRefused(`Unsupported option: fields with ${error.modifier}.`, error.modifier)
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}
