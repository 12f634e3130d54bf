/** Every vendor whose models the gateway stands in front of, by its name. */
import { anthropic } from './anthropic.ts'
import { google } from './google.ts'
import { openai } from './openai.ts'
import type { Vendor, VendorName } from './vendor.ts'

export const vendors: Readonly<Record<VendorName, Vendor>> = { anthropic, openai, google }
