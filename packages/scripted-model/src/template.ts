/**
 * Templates: placeholders such as `{{cwd}}` in a reply's texts and tool inputs. They are filled from the
 * request, so that one script works in any directory.
 */

/** The values of placeholders. `match` has the captures of the step's regexes, by number and name. */
export interface Fillings {
  /** The working directory that the agent states; undefined if it states none. */
  cwd: string | undefined
  /** The newest prompt. */
  prompt: string
  /** The text of the tool result that the step matched, otherwise of the last message. */
  result: string
  turn: string
  /** The requested model. */
  model: string
  match: Readonly<Record<string, string>>
}

const placeholder = /\{\{\s*([a-zA-Z]+(?:\.\w+)?)\s*\}\}/g
const plain = ['cwd', 'prompt', 'result', 'turn', 'model'] as const

/** The request has no value for a placeholder of the script. */
export class UnfilledPlaceholder extends Error {
  override readonly name = 'UnfilledPlaceholder'
}

/** Fills every string inside `value` except keys. @throws UnfilledPlaceholder */
export function fill<Value>(value: Value, fillings: Fillings): Value {
  return mapStrings(value, (text) =>
    text.replace(placeholder, (_whole, name: string) => {
      const filling = lookUp(name, fillings)
      if (filling === undefined) throw new UnfilledPlaceholder(`the request has nothing for {{${name}}}`)
      return filling
    }),
  ) as Value
}

/** Returns the names in `value` that are not those of a placeholder. */
export function unknownPlaceholders(value: unknown): string[] {
  const names = new Set<string>()
  mapStrings(value, (text) => {
    for (const [, name = ''] of text.matchAll(placeholder)) names.add(name)
    return text
  })
  return [...names].filter((name) => !isPlain(name) && !name.startsWith('match.'))
}

function lookUp(name: string, fillings: Fillings): string | undefined {
  return isPlain(name) ? fillings[name] : fillings.match[name.slice('match.'.length)]
}

function isPlain(name: string): name is (typeof plain)[number] {
  return (plain as readonly string[]).includes(name)
}

function mapStrings(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, change))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapStrings(item, change)]))
}
