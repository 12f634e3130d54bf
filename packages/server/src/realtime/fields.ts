/**
 * Which fields of a record a subscription selects: `id,state,spec.tool`, `*` for all of a level
 * (PocketBase's `fields`). A field that a record does not have is left out; of a list of records, the
 * fields of each. PocketBase's one modifier, `:excerpt(…)`, is refused: no field of ours holds HTML.
 */

/** Names of one level and what is selected of each; null: all of it. */
export type Fields = ReadonlyMap<string, Fields | null>

/** Returns the modifier of a field, or null. */
export function modifierIn(text: string): string | null {
  const at = text.indexOf(':')
  return at === -1 ? null : (text.slice(at, at + 64).split(',')[0] ?? '')
}

/** Returns null when all fields are selected. */
export function parseFields(text: string): Fields | null {
  if (text.trim() === '') return null
  const wanted = new Map<string, Fields | null>()
  for (const field of text.split(',')) {
    const path = field.trim()
    if (path === '') continue
    add(wanted, path.split('.'))
  }
  return wanted.size === 0 ? null : wanted
}

function add(level: Map<string, Fields | null>, path: readonly string[]): void {
  let here = level
  for (const [index, name] of path.entries()) {
    const known = here.get(name)
    // `a` and `a.b` together are `a`.
    if (known === null) return
    if (index === path.length - 1) {
      here.set(name, null)
      return
    }
    const next = (known as Map<string, Fields | null> | undefined) ?? new Map<string, Fields | null>()
    here.set(name, next)
    here = next
  }
}

/** Returns a copy of the data with only the selected fields. */
export function pick(data: unknown, wanted: Fields | null): unknown {
  if (wanted === null || data === null || typeof data !== 'object') return data
  if (Array.isArray(data)) return data.map((item) => pick(item, wanted))
  const all = wanted.has('*')
  const picked = Object.entries(data).flatMap(([name, value]): [string, unknown][] => {
    if (wanted.has(name)) return [[name, pick(value, wanted.get(name) ?? null)]]
    return all ? [[name, pick(value, wanted.get('*') ?? null)]] : []
  })
  return Object.fromEntries(picked)
}
