/** Reads which topics a client subscribes to, by the rules of PocketBase's `POST /api/realtime`. */
import {
  isOneLine,
  readSubscription,
  type Subscription,
  SubscriptionRefused,
  topicCharsMax,
} from '#realtime/subscription'
import { blank, InvalidFields, malformed, type RefusedFields, tooLong, unsupported } from './refusals.ts'

const clientIdCharsMax = 255
const subscriptionsMax = 1000

export interface SubscribeRequest {
  clientId: string
  subscriptions: readonly Subscription[]
}

/** Throws InvalidFields. */
export function readSubscribeBody(body: unknown): SubscribeRequest {
  const { clientId = null, subscriptions = null } = objectOf(body)
  const data: RefusedFields = {}
  // For values of a wrong type PocketBase names no field.
  if (clientId !== null && typeof clientId !== 'string') throw new InvalidFields({})
  if (clientId === null || clientId === '') data.clientId = blank
  else if (clientId.length > clientIdCharsMax) data.clientId = tooLong(1, clientIdCharsMax)
  const read = readSubscriptions(textsOf(subscriptions), data)
  if (Object.keys(data).length > 0) throw new InvalidFields(data, read.refusal)
  return { clientId: clientId ?? '', subscriptions: read.subscriptions }
}

function readSubscriptions(
  texts: readonly string[],
  data: RefusedFields,
): { subscriptions: Subscription[]; refusal: string | undefined } {
  if (texts.length > subscriptionsMax) {
    data.subscriptions = tooLong(0, subscriptionsMax)
    return { subscriptions: [], refusal: undefined }
  }
  const refused: RefusedFields = {}
  const subscriptions: Subscription[] = []
  let refusal: string | undefined
  for (const [index, text] of texts.entries()) {
    if (text === '') continue
    if (text.length > topicCharsMax) refused[index] = tooLong(0, topicCharsMax)
    else if (!isOneLine(text)) refused[index] = malformed
    else {
      try {
        subscriptions.push(readSubscription(text))
      } catch (error) {
        if (!(error instanceof SubscriptionRefused)) throw error
        refused[index] = error.option === null ? malformed : unsupported(error.message)
        refusal ??= error.message
      }
    }
  }
  if (Object.keys(refused).length > 0) data.subscriptions = refused
  return { subscriptions, refusal }
}

function objectOf(body: unknown): Record<string, unknown> {
  if (body === undefined || body === null) return {}
  if (typeof body !== 'object' || Array.isArray(body)) throw new InvalidFields({})
  return body as Record<string, unknown>
}

function textsOf(value: unknown): string[] {
  if (value === null) return []
  if (!Array.isArray(value)) throw new InvalidFields({})
  const items: unknown[] = value
  if (items.some((item) => item !== null && typeof item !== 'string')) throw new InvalidFields({})
  return items.map((item) => (item === null ? '' : String(item)))
}

export interface PublishRequest {
  topic: string
  data: unknown
}

/** The topic's name is checked where it is published. */
export function readPublishBody(body: unknown): PublishRequest {
  const { topic = null, data = null } = objectOf(body)
  if (topic !== null && typeof topic !== 'string') throw new InvalidFields({})
  if (topic === null || topic === '') throw new InvalidFields({ topic: blank })
  if (topic.length > topicCharsMax) throw new InvalidFields({ topic: tooLong(0, topicCharsMax) })
  return { topic, data }
}
