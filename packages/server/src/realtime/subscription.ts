/**
 * What a subscription says: a topic, and options after it (`topic?options=<JSON, percent-encoded>`,
 * as the official PocketBase SDK writes them).
 *
 * `runs/*`, `runs/<id>`, `projects/*` and `projects/<id>` are topics of records; nobody can publish under
 * such a name. Every other name is an application's own.
 */
import { MillraceError } from '@millrace/protocol'
import { modifierIn } from './fields.ts'

export interface Subscription {
  /** As the client wrote it, byte for byte: the `event:` of its messages. */
  readonly text: string
  readonly topic: string
  readonly ofRecords: boolean
  /** The selection of fields, as the client wrote it; empty: all. */
  readonly fields: string
}

/** Why a subscription is refused; `option` names what is not supported. */
export class SubscriptionRefused extends MillraceError {
  override readonly name = 'SubscriptionRefused'
  readonly option: string | null

  constructor(message: string, option: string | null = null) {
    super('invalid_request', message)
    this.option = option
  }
}

export const topicCharsMax = 2500

/** False for text that would end a field of a frame, or would not arrive as it was sent. */
export function isOneLine(text: string): boolean {
  return !/[\r\n\0]/.test(text) && text.isWellFormed()
}

function isOfRecords(topic: string): boolean {
  return /^(?:runs|projects)(?:[/?]|$)/.test(topic)
}

/** True for names that only the server sends to: those of records, and of the protocol. */
export function isReserved(topic: string): boolean {
  return isOfRecords(topic) || topic.startsWith('PB_')
}

/** Returns why nothing may be published to this topic; null when it may. */
export function topicProblem(topic: string): string | null {
  if (topic === '') return 'a topic has a name'
  if (topic.length > topicCharsMax) return `a topic has at most ${topicCharsMax} characters`
  if (!isOneLine(topic)) return 'a topic is one line of text'
  if (isReserved(topic)) return 'topics of records are written by the server alone'
  return optionsAt(topic) === -1 ? null : 'a topic has no options'
}

/** Returns where the options begin, which stand last, or -1. Takes time linear in the length. */
function optionsAt(text: string): number {
  const last = text.lastIndexOf('&')
  return text.startsWith('&options=', last) ? last : text.indexOf('?options=', Math.max(last, 0))
}

/** Options of PocketBase's records that are not supported here, on any topic. */
const foreign = new Set(['filter', 'expand', 'sort', 'page', 'perPage', 'skipTotal', 'thumb'])

/** Reads a subscription, which must be one line. Throws SubscriptionRefused. */
export function readSubscription(text: string): Subscription {
  const at = optionsAt(text)
  const name = at === -1 ? text : text.slice(0, at)
  const ofRecords = isOfRecords(name)
  if (ofRecords && name.includes('?')) throw new SubscriptionRefused('Options stand behind "?options=".')
  const query = at === -1 ? {} : readQuery(text.slice(at + '?options='.length))
  for (const option of Object.keys(query)) {
    // On its own topics an application may give options any meaning: they are part of the name.
    if (option === 'fields' || (!ofRecords && !foreign.has(option))) continue
    throw new SubscriptionRefused(`Unsupported option: ${option.slice(0, 64)}.`, option.slice(0, 64))
  }
  const fields = query.fields ?? ''
  if (typeof fields !== 'string') {
    throw new SubscriptionRefused('The option fields must be a text.', 'fields')
  }
  const modifier = modifierIn(fields)
  if (modifier !== null)
    throw new SubscriptionRefused(`Unsupported option: fields with ${modifier}.`, modifier)
  return { text, topic: name, ofRecords, fields }
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

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}
