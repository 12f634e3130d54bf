/** The prices of the models that a run may ask for at the gateway. */
import { anthropicPrice, type Price, ratesOf } from '#agents/spending/price'
import type { VendorName } from './vendors/vendor.ts'

export interface ModelPrices {
  /** `isKnown` is false for a model that has no price: it counts as the dearest there is. */
  of(model: string): { price: Price; isKnown: boolean }
  /** The highest rate of each sort. */
  readonly dearest: Price
}

export interface PricedEntry {
  provider: string
  model?: string | undefined
  price?: Price | undefined
}

/** Those that `models` of the configuration gives to models of a vendor. Null: none. */
export function configuredPrices(
  entries: Iterable<PricedEntry>,
  vendor: VendorName = 'anthropic',
): ModelPrices | null {
  const priced = [...entries].flatMap(({ provider, model = '', price }): [string, Price][] =>
    provider === vendor && price !== undefined
      ? [[model, vendor === 'anthropic' ? anthropicPrice(price) : price]]
      : [],
  )
  return modelPrices(new Map(priced))
}

/** `priced` has the prices by model, '' for all that have none of their own. Null: no price is known. */
export function modelPrices(priced: ReadonlyMap<string, Price>): ModelPrices | null {
  if (priced.size === 0) return null
  const dearest = [...priced.values()].reduce(dearer)
  return {
    dearest,
    of(model) {
      // A name may end with the day of its version.
      const found =
        priced.get(model) ?? priced.get(model.replace(/-(\d{8}|\d{4}-\d{2}-\d{2})$/, '')) ?? priced.get('')
      return { price: found ?? dearest, isKnown: found !== undefined }
    },
  }
}

/** The higher rate of each sort. */
export function dearer(one: Price, other: Price): Price {
  const [left, right] = [ratesOf(one), ratesOf(other)]
  return {
    input: Math.max(left.input, right.input),
    output: Math.max(left.output, right.output),
    cacheRead: Math.max(left.cacheRead, right.cacheRead),
    cacheWrite: Math.max(left.cacheWrite, right.cacheWrite),
    cacheWriteHour: Math.max(left.cacheWriteHour, right.cacheWriteHour),
  }
}
