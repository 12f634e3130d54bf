/** What differs between the providers of models that the gateway stands in front of. */
import type { AgentGateway } from '#config/config'
import type { UsageForm } from '../answer-usage.ts'
import type { PricedBody } from '../body.ts'

export type VendorName = AgentGateway['vendor']

export interface Vendor {
  readonly name: VendorName
  /** The field that carries the key, and its value. */
  credential(apiKey: string): Record<string, string>
  /** Does an agent need this request? With the key behind the gateway, all others could do harm. */
  needs(method: string | undefined, target: string): boolean
  /** What an agent may ask for, in words. */
  readonly offer: string
  /** Does the request cost money? */
  costs(method: string | undefined, target: string): boolean
  /** Reads what a request that costs money may cost. */
  body(target: string): PricedBody
  readonly usage: UsageForm
  /** Where the tokens of such a request are counted, and what says so in the answer. Null: nowhere. */
  counts(target: string): { target: string; field: string } | null
  /** An error as the vendor's own programs read it. `type`: as Anthropic names it. */
  refusal(status: number, type: string, message: string): unknown
}

export function pathOf(target: string): string {
  return target.split('?', 1)[0] ?? ''
}
