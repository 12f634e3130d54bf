import type { Agent } from 'node:http'
import type { Vendor } from './vendors/vendor.ts'

/** The way to the API. */
export interface Way {
  base: URL
  agent: Agent
  apiKey: string | undefined
  vendor: Vendor
}
