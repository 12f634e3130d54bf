/**
 * An immutable list that is cheap to extend and knows how many items it may hold. It is plain data: two lists with the
 * same history are deeply equal.
 *
 * Invariants: each block of `full` has exactly `blockItems` items and is never changed; `tail` has fewer; the first
 * `skipped` items of the first block are no longer part of the list. An append copies the tail only, so a million items
 * cost a million times the same.
 */
export interface List<T> {
  readonly full: readonly (readonly T[])[]
  readonly tail: readonly T[]
  readonly skipped: number
  /** How many items were dropped to keep the bound, the oldest first. */
  readonly dropped: number
}

const blockItems = 128

export const emptyList: List<never> = { full: [], tail: [], skipped: 0, dropped: 0 }

export function lengthOf({ full, tail, skipped }: List<unknown>): number {
  return full.length * blockItems + tail.length - skipped
}

/** The list with one more item. Above `itemsMax` the oldest item is dropped. */
export function append<T>(list: List<T>, item: T, itemsMax: number): List<T> {
  let { full, skipped, dropped } = list
  let tail: readonly T[] = [...list.tail, item]
  if (tail.length === blockItems) {
    full = [...full, tail]
    tail = []
  }
  if (lengthOf({ full, tail, skipped, dropped }) > itemsMax) {
    skipped += 1
    dropped += 1
    if (skipped === blockItems) {
      full = full.slice(1)
      skipped = 0
    }
  }
  return { full, tail, skipped, dropped }
}

export function itemAt<T>({ full, tail, skipped }: List<T>, index: number): T | undefined {
  const place = index + skipped
  if (index < 0) return undefined
  const block = full[Math.floor(place / blockItems)] ?? tail
  return block[block === tail ? place - full.length * blockItems : place % blockItems]
}

/** The list with another item at an index that it has. */
export function replaceAt<T>(list: List<T>, index: number, item: T): List<T> {
  const place = index + list.skipped
  const number = Math.floor(place / blockItems)
  const block = list.full[number]
  if (block === undefined)
    return { ...list, tail: list.tail.with(place - list.full.length * blockItems, item) }
  return { ...list, full: list.full.with(number, block.with(place % blockItems, item)) }
}

/** Where the items of full blocks are, by their names. A block never changes, so this is never wrong. */
export type Places<T> = WeakMap<readonly T[], ReadonlyMap<string, number>>

/**
 * The index of the newest item with a name, or -1. `places` belongs to `nameOf`: a view looks for an item with nearly every
 * event, and must not look through thousands of items each time.
 */
export function indexOfNamed<T>(
  { full, tail, skipped }: List<T>,
  name: string,
  nameOf: (item: T) => string | null,
  places: Places<T>,
): number {
  const inTail = tail.findLastIndex((item) => nameOf(item) === name)
  if (inTail >= 0) return full.length * blockItems + inTail - skipped
  for (let number = full.length - 1; number >= 0; number--) {
    const block = full[number] as readonly T[]
    let known = places.get(block)
    if (known === undefined) {
      known = new Map(block.map((item, place) => [nameOf(item) ?? '', place]))
      places.set(block, known)
    }
    const place = known.get(name)
    if (place !== undefined && (number > 0 || place >= skipped)) return number * blockItems + place - skipped
  }
  return -1
}

/** The items from the oldest to the newest. */
export function* itemsOf<T>(list: List<T>): Generator<T, void, void> {
  const end = lengthOf(list)
  for (let index = 0; index < end; index++) yield itemAt(list, index) as T
}

/** Each item as `change` returns it. The same list when nothing changed. */
export function mapItems<T>(list: List<T>, change: (item: T) => T): List<T> {
  let changed = list
  let index = 0
  for (const item of itemsOf(list)) {
    const next = change(item)
    if (next !== item) changed = replaceAt(changed, index, next)
    index += 1
  }
  return changed
}
