/**
 * Bounds the size of an event. What is too long loses the ends of its longest strings, and says so:
 * the JSON paths of what was cut are listed in `truncated`.
 */
import { Buffer } from 'node:buffer'

interface Found {
  path: string
  text: string
  put: (text: string) => void
}

/** Room for the list of paths itself. */
const pathsReserve = 1024

/** The data of an event as one line of JSON of at most `maxBytes` bytes. */
export function toEventJson(data: unknown, maxBytes: number): string {
  const json = JSON.stringify(data ?? null)
  // A UTF-16 unit is at most three bytes of UTF-8, so the short case needs no counting.
  if (json.length * 3 <= maxBytes || Buffer.byteLength(json) <= maxBytes) return json
  return clip(JSON.parse(json), maxBytes)
}

function clip(data: unknown, maxBytes: number): string {
  const holder = { data }
  const cut = new Set<string>()
  const budget = Math.max(maxBytes - pathsReserve, 64)
  let json = JSON.stringify(holder.data)
  while (Buffer.byteLength(json) > budget) {
    const longest = longestString(holder)
    if (longest === null || longest.text.length < 16) return wholeCut(maxBytes)
    const excess = Buffer.byteLength(json) - budget
    longest.put(shorten(longest.text, excess))
    cut.add(longest.path)
    json = JSON.stringify(holder.data)
  }
  return withPaths(holder.data, [...cut])
}

/** Takes at least `excess` bytes off the end, in whole code points. */
function shorten(text: string, excess: number): string {
  const bytes = Buffer.from(text)
  const keep = Math.max(bytes.length - Math.max(excess, Math.ceil(bytes.length / 16)), 0)
  // Cutting inside a code point leaves U+FFFD at the end: take that off again.
  return bytes.subarray(0, keep).toString('utf8').replace(/�$/, '')
}

function longestString(holder: { data: unknown }): Found | null {
  let longest: Found | null = null
  const offer = (found: Found) => {
    if (longest === null || found.text.length > longest.text.length) longest = found
  }
  const visit = (value: unknown, path: string, put: (text: string) => void) => {
    if (typeof value === 'string') offer({ path, text: value, put })
    else if (Array.isArray(value)) {
      value.forEach((item, index) => {
        visit(item, `${path}[${index}]`, (text) => {
          value[index] = text
        })
      })
    } else if (value !== null && typeof value === 'object') {
      const object = value as Record<string, unknown>
      for (const [key, item] of Object.entries(object)) {
        visit(item, path === '' ? key : `${path}.${key}`, (text) => {
          object[key] = text
        })
      }
    }
  }
  visit(holder.data, '', (text) => {
    holder.data = text
  })
  return longest
}

function withPaths(data: unknown, paths: string[]): string {
  if (data !== null && typeof data === 'object' && !Array.isArray(data)) {
    const before = (data as { truncated?: unknown }).truncated
    const known = Array.isArray(before) ? before : []
    return JSON.stringify({ ...data, truncated: [...new Set([...known, ...paths])] })
  }
  return JSON.stringify({ value: data, truncated: paths.map((path) => `value${path}`) })
}

/** Nothing in it is long: it is made of too many parts to be cut sensibly. */
function wholeCut(maxBytes: number): string {
  return JSON.stringify({ truncated: [''], reason: `the event was larger than ${maxBytes} bytes` })
}
