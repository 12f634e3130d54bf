/** The Messages API of Anthropic. */
import { messagesUsage } from '../answer-usage.ts'
import { MessageBody } from '../body.ts'
import { isMessage, isNeeded } from '../target.ts'
import type { Vendor } from './vendor.ts'

export const anthropic: Vendor = {
  name: 'anthropic',
  credential: (apiKey) => ({ 'x-api-key': apiKey }),
  needs: isNeeded,
  offer: 'ask for messages and count tokens',
  costs: (method, target) => method === 'POST' && isMessage(target),
  body: () => new MessageBody(),
  usage: messagesUsage,
  counts: (target) => ({
    target: `/v1/messages/count_tokens${target.match(/\?.*$/)?.[0] ?? ''}`,
    field: 'input_tokens',
  }),
  refusal: (_status, type, message) => ({ type: 'error', error: { type, message } }),
}
