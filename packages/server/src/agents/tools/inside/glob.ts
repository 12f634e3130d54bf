/**
 * Patterns of file names. Matching takes time in proportion to pattern and path at most, whatever a pattern is: an
 * expression made of it could be made to hang.
 */
type Part = { kind: 'one'; of: (char: string) => boolean } | { kind: 'any' }
type Segment = '**' | readonly Part[]

/** Braces multiply. */
const alternativesMax = 256
const segmentsMax = 64

/** Returns a test of paths, or says what is wrong with the pattern. A pattern without a slash is about names at any depth. */
export function globMatcher(pattern: string): ((path: string) => boolean) | string {
  if (pattern.startsWith('/'))
    return 'A pattern is relative to the directory that is searched: it cannot begin with a slash.'
  const alternatives = expandBraces(pattern)
  if (alternatives === null) return `The pattern has more than ${alternativesMax} alternatives.`
  const globs = alternatives.map((one) => segmentsOf(one))
  if (globs.some(({ length }) => length > segmentsMax)) return 'The pattern has too many parts.'
  return (path) => {
    const names = path.split('/')
    return globs.some((segments) => matchesPath(segments, names))
  }
}

function segmentsOf(pattern: string): Segment[] {
  const trimmed = pattern.replace(/^(\.\/)+/, '').replace(/\/+$/, '')
  const parts = (trimmed.includes('/') ? trimmed : `**/${trimmed}`).split('/')
  return parts
    .filter((part, index) => part !== '' && !(part === '**' && parts[index - 1] === '**'))
    .map((part) => (part === '**' ? '**' : partsOf(part)))
}

function partsOf(text: string): Part[] {
  const parts: Part[] = []
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] ?? ''
    const set = char === '[' ? setAt(text, at) : null
    if (set !== null) {
      parts.push({ kind: 'one', of: set.of })
      at = set.end
    } else if (char === '*') {
      if (parts.at(-1)?.kind !== 'any') parts.push({ kind: 'any' })
    } else if (char === '?') parts.push({ kind: 'one', of: () => true })
    else {
      if (char === '\\' && at + 1 < text.length) at += 1
      const literal = text[at]
      parts.push({ kind: 'one', of: (given) => given === literal })
    }
  }
  return parts
}

/** `[a-z]`, `[!a-z]`; null where the bracket is not closed and stands for itself. */
function setAt(text: string, start: number): { of: (char: string) => boolean; end: number } | null {
  const isNegated = text[start + 1] === '!' || text[start + 1] === '^'
  const from = start + (isNegated ? 2 : 1)
  // A bracket at the beginning of a set is one of its characters.
  const end = text.indexOf(']', from + 1)
  if (end === -1) return null
  const set = text.slice(from, end)
  const has = (char: string): boolean => {
    for (let at = 0; at < set.length; at += 1) {
      const first = set[at] ?? ''
      const last = set[at + 1] === '-' && at + 2 < set.length ? (set[at + 2] ?? '') : first
      if (last !== first) at += 2
      if (char >= first && char <= last) return true
    }
    return false
  }
  return { of: (char) => has(char) !== isNegated, end }
}

function matchesPath(segments: readonly Segment[], names: readonly string[]): boolean {
  // For each number of segments done: may the names read so far end there?
  let reached = new Set([0])
  const skip = (at: number, into: Set<number>) => {
    into.add(at)
    if (segments[at] === '**') skip(at + 1, into)
  }
  const start = new Set<number>()
  for (const at of reached) skip(at, start)
  reached = start
  for (const name of names) {
    const next = new Set<number>()
    for (const at of reached) {
      const segment = segments[at]
      if (segment === '**') skip(at, next)
      else if (segment !== undefined && matchesName(segment, name)) skip(at + 1, next)
    }
    reached = next
  }
  return reached.has(segments.length)
}

/** Goes back to the last star only: what came before it matched as early as possible. */
function matchesName(parts: readonly Part[], name: string): boolean {
  let [part, at, star, starAt] = [0, 0, -1, 0]
  while (at < name.length) {
    const wanted = parts[part]
    if (wanted?.kind === 'one' && wanted.of(name[at] ?? '')) {
      part += 1
      at += 1
    } else if (wanted?.kind === 'any') {
      star = part
      starAt = at
      part += 1
    } else if (star !== -1) {
      part = star + 1
      starAt += 1
      at = starAt
    } else return false
  }
  while (parts[part]?.kind === 'any') part += 1
  return part === parts.length
}

/** Null: there are too many. */
function expandBraces(pattern: string): string[] | null {
  const done: string[] = []
  const waiting = [pattern]
  for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) {
    const split = splitBrace(one)
    if (split === null) done.push(one)
    else waiting.push(...split)
    if (done.length + waiting.length > alternativesMax) return null
  }
  return done
}

function splitBrace(pattern: string): string[] | null {
  const start = pattern.indexOf('{')
  if (start === -1) return null
  const commas: number[] = []
  let depth = 0
  for (let at = start; at < pattern.length; at += 1) {
    if (pattern[at] === '{') depth += 1
    else if (pattern[at] === ',' && depth === 1) commas.push(at)
    else if (pattern[at] === '}') {
      depth -= 1
      if (depth === 0 && commas.length > 0) {
        const ends = [start, ...commas, at]
        const [before, after] = [pattern.slice(0, start), pattern.slice(at + 1)]
        return ends.slice(1).map((end, index) => before + pattern.slice((ends[index] ?? 0) + 1, end) + after)
      }
      if (depth === 0) return null
    }
  }
  return null
}
