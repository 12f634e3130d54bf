/**
 * Bounds the size of an event. An event that is too large loses the ends of its longest strings, and
 * lists their JSON paths in `truncated`.
 *
 * Sizes are bytes of JSON, escapes included, and each string is measured once: the cost grows with the
 * size of the event, not with the number of cuts.
 */
import { Buffer } from 'node:buffer'

/** A string somewhere in the data. */
interface Leaf {
  text: string
  /** Bytes of its JSON, without the quotes. */
  size: number
  holder: Branch
  key: string | number
}

/** An object or array. Paths are computed only for values that are cut. */
interface Branch {
  value: Record<string | number, unknown>
  parent: Branch | null
  key: string | number
}

/**
 * Returns the data of an event as one line of JSON of at most `maxBytes` bytes. `maxBytes` must be at least
 * 128, to leave room for the notice that the whole event was left out. Throws a TypeError for data that
 * JSON cannot hold.
 */
export function toEventJson(data: unknown, maxBytes: number): string {
  const json: string | undefined = JSON.stringify(data ?? null)
  if (json === undefined) throw new TypeError(`an event's data must be JSON, not a ${typeof data}`)
  // A UTF-16 unit is at most three bytes of UTF-8, so the short case needs no counting.
  if (json.length * 3 <= maxBytes || Buffer.byteLength(json) <= maxBytes) return json
  const short = withoutExcess(data, maxBytes)
  const cut = short === null ? null : cutStrings(asObject(JSON.parse(short)), maxBytes)
  if (cut !== null) return cut
  const root = asObject(JSON.parse(json))
  return cutStrings(root, maxBytes) ?? leaveOut(root, maxBytes) ?? allLeftOut(maxBytes)
}

/**
 * Returns the JSON without what one text has beyond `maxBytes` characters, which is cut in any case and need not be
 * parsed and measured: a message of an agent may have many megabytes. Null where that could change what is cut: with
 * several such texts their order counts.
 */
function withoutExcess(data: unknown, maxBytes: number): string | null {
  if (data !== null && typeof data === 'object' && 'truncated' in data) return null
  let long = 0
  const json = JSON.stringify(data, (_key, value) => {
    if (typeof value !== 'string' || value.length <= maxBytes) return value
    long += 1
    return value.slice(0, maxBytes + 1)
  })
  return long === 1 ? json : null
}

/** Bounds a value of a run's row as an event is bounded. Throws a TypeError for a value that JSON cannot hold. */
export function bounded<T>(value: T, maxBytes: number): T {
  const json = toEventJson(value, maxBytes)
  // A value that was cut has the shape of an event's data: an object with `truncated`.
  return JSON.parse(json)
}

/** The same for an error, which keeps its message, alone if need be. */
export function boundedError<T extends { message: string }>(error: T | null, maxBytes: number): T | null {
  const kept = bounded(error, maxBytes)
  if (kept === null || error === null || typeof kept.message === 'string') return kept
  const alone = { message: error.message, truncated: [''] }
  return bounded<T>(alone as unknown as T, maxBytes)
}

/** Wraps anything but an object, so that `truncated` has a place. */
function asObject(data: unknown): Record<string, unknown> {
  const object = data !== null && typeof data === 'object' && !Array.isArray(data)
  return object ? (data as Record<string, unknown>) : { value: data }
}

/** Makes room for the list of paths. Paths that the runner listed itself stay; any other value is displaced. */
function listed(root: Record<string, unknown>): string[] {
  const before = root.truncated
  if (Array.isArray(before) && before.every((path) => typeof path === 'string')) return before
  return before === undefined ? [] : ['truncated']
}

/**
 * Cuts the k longest strings to one common length: the smallest k with which everything fits and no
 * string left whole is longer than one that was cut. Returns null if strings do not make the event large.
 */
function cutStrings(root: Record<string, unknown>, maxBytes: number): string | null {
  const known = listed(root)
  const data: Record<string, unknown> = { ...root, truncated: known }
  const without = JSON.stringify(data)
  // Bytes that the cut strings and the list of their paths may take together, for k = 0, 1, 2 …
  let room = maxBytes - Buffer.byteLength(without)
  // Displacing another use of `truncated` was enough.
  if (room >= 0) return without
  const leaves = stringsOf(data).sort((a, b) => b.size - a.size)
  const paths: string[] = []
  let listingBytes = 0
  for (const [index, leaf] of leaves.entries()) {
    const path = pathOf(leaf.holder, leaf.key)
    paths.push(path)
    const listing = Buffer.byteLength(JSON.stringify(path)) + 1
    // The strings are so many, or so deep, that not even the list fits.
    listingBytes += listing
    if (listingBytes > maxBytes) return null
    room += leaf.size - listing
    const each = Math.floor(room / paths.length)
    if (each < (leaves[index + 1]?.size ?? 0)) continue
    for (const { holder, key, text } of leaves.slice(0, paths.length)) {
      holder.value[key] = prefixWithin(text, each)
    }
    data.truncated = [...new Set([...known, ...paths])]
    return JSON.stringify(data)
  }
  return null
}

/** Returns every string below `data` but those of its own `truncated`. Not recursive: data may be deep. */
function stringsOf(data: Record<string, unknown>): Leaf[] {
  const leaves: Leaf[] = []
  const branches: Branch[] = [{ value: data, parent: null, key: '' }]
  for (let branch = branches.pop(); branch !== undefined; branch = branches.pop()) {
    const { value } = branch
    const keys = Array.isArray(value) ? value.keys() : Object.keys(value)
    for (const key of keys) {
      const item = value[key]
      if (typeof item === 'string') {
        leaves.push({ text: item, size: jsonBytes(item), holder: branch, key })
      } else if (item !== null && typeof item === 'object' && !(value === data && key === 'truncated')) {
        branches.push({ value: item as Branch['value'], parent: branch, key })
      }
    }
  }
  return leaves
}

function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) - 2
}

/** `a.b[0]["a key that is no name"]` */
function pathOf(holder: Branch, key: string | number): string {
  const steps = [step(key)]
  for (let branch = holder; branch.parent !== null; branch = branch.parent) steps.push(step(branch.key))
  return steps.reverse().join('').replace(/^\./, '')
}

function step(key: string | number): string {
  if (typeof key === 'number') return `[${key}]`
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`
}

/** Returns the longest beginning whose JSON has at most `bytes` bytes, in whole code points. */
function prefixWithin(text: string, bytes: number): string {
  let left = bytes
  let index = 0
  while (index < text.length) {
    const point = text.codePointAt(index) ?? 0
    left -= pointBytes(point)
    if (left < 0) break
    index += point > 0xffff ? 2 : 1
  }
  return text.slice(0, index)
}

/** Returns the bytes of one code point as `JSON.stringify` writes it (ECMA-262, QuoteJSONString). */
function pointBytes(point: number): number {
  if (point === 0x22 || point === 0x5c) return 2
  if (point < 0x20) return '\b\t\n\f\r'.includes(String.fromCharCode(point)) ? 2 : 6
  if (point < 0x80) return 1
  if (point < 0x800) return 2
  if (point >= 0xd800 && point <= 0xdfff) return 6
  return point > 0xffff ? 4 : 3
}

/** No string is long, but there is too much of everything: sets the largest members to null until it fits. */
function leaveOut(root: Record<string, unknown>, maxBytes: number): string | null {
  const known = listed(root)
  const data: Record<string, unknown> = { ...root, truncated: known }
  let size = Buffer.byteLength(JSON.stringify(data))
  const members = Object.keys(root)
    .filter((key) => key !== 'truncated')
    .map((key) => ({ key, size: Buffer.byteLength(JSON.stringify(root[key])) }))
    .sort((a, b) => b.size - a.size)
  const paths = new Set(known)
  for (const member of members) {
    const path = pathOf({ value: data, parent: null, key: '' }, member.key)
    data[member.key] = null
    paths.add(path)
    size += 4 - member.size + Buffer.byteLength(JSON.stringify(path)) + 1
    if (size > maxBytes) continue
    data.truncated = [...paths]
    return JSON.stringify(data)
  }
  return null
}

function allLeftOut(maxBytes: number): string {
  return JSON.stringify({ truncated: [''], reason: `the event was larger than ${maxBytes} bytes` })
}
