/** The Messages API of Anthropic. */
import { messagesUsage } from '../answer-usage.ts'
import { MessageBody } from '../body.ts'
import { pathOf, type Vendor } from './vendor.ts'

const messages = '/v1/messages'
const countTokens = `${messages}/count_tokens`

export const anthropic: Vendor = {
  name: 'anthropic',
  credential: (apiKey) => ({ 'x-api-key': apiKey }),
  // Whether the API is there, the SDK asks at its start. Otherwise a program of the agent could start batches or delete files.
  needs: (method, target) => {
    const path = pathOf(target)
    return method === 'HEAD' ? path === '/' : method === 'POST' && [messages, countTokens].includes(path)
  },
  offer: 'ask for messages and count tokens',
  costs: (method, target) => method === 'POST' && pathOf(target) === messages,
  body: () => new MessageBody(),
  usage: messagesUsage,
  counts: (target) => ({
    target: `${countTokens}${target.match(/\?.*$/)?.[0] ?? ''}`,
    field: 'input_tokens',
  }),
  refusal: (_status, type, message) => ({ type: 'error', error: { type, message } }),
}
