/** Why a text is probably not in a file: hints for a model that wrote it from memory. */

/** Work is bounded: a hint is not worth more. */
const linesMax = 20_000
const lineCharsMax = 500
const shownLinesMax = 12

/** Returns a hint, or null. Both texts have LF. */
export function nearMiss(file: string, oldText: string, newText: string): string | null {
  const lines = file.split('\n', linesMax)
  const wanted = trimmed(oldText.split('\n'))
  if (wanted.length === 0) return null
  return (
    numbered(oldText) ??
    alike(lines, wanted, withoutSpace, 'The text matches except for white space') ??
    alike(lines, wanted, plain, 'The text matches except for letter case, quotation marks or dashes') ??
    alreadyDone(lines, newText) ??
    diverges(lines, wanted) ??
    similar(lines, wanted)
  )
}

function numbered(oldText: string): string | null {
  const lines = oldText.split('\n').filter((line) => line.trim() !== '')
  return lines.every((line) => /^\s*\d+\t/.test(line))
    ? 'The text begins with line numbers as the read tool shows them. They are not part of the file: leave them out.'
    : null
}

/** A place whose lines are the same after `normal`. */
function alike(
  lines: string[],
  wanted: string[],
  normal: (line: string) => string,
  what: string,
): string | null {
  const normals = lines.map((line) => normal(line.slice(0, lineCharsMax)))
  const sought = wanted.map((line) => normal(line.slice(0, lineCharsMax)))
  for (let at = 0; at + sought.length <= normals.length; at += 1) {
    const matches = sought.every((line, index) =>
      isLike(normals[at + index] ?? '', line, index, sought.length),
    )
    if (matches) return `${what}. ${shown(lines, at, wanted.length)}`
  }
  return null
}

/** The text may begin and end within a line. */
function isLike(line: string, sought: string, index: number, count: number): boolean {
  if (count === 1) return sought !== '' && line.includes(sought)
  if (index === 0) return line.endsWith(sought)
  return index === count - 1 ? line.startsWith(sought) : line === sought
}

function alreadyDone(lines: string[], newText: string): string | null {
  const [first = '', ...rest] = trimmed(newText.split('\n'))
  if (first.trim().length < 8) return null
  const at = lines.findIndex(
    (line, index) =>
      line.includes(first) && rest.every((one, offset) => lines[index + offset + 1]?.includes(one)),
  )
  return at === -1
    ? null
    : `The new text is in the file already, at line ${at + 1}: perhaps the edit is done.`
}

/** The first line of the text is there, and then something else follows. */
function diverges(lines: string[], wanted: string[]): string | null {
  const [first = ''] = wanted
  if (wanted.length < 2 || first.trim().length < 4) return null
  let [best, bestCount] = [-1, 0]
  for (const [at, line] of lines.entries()) {
    if (!line.endsWith(first)) continue
    let count = 1
    while (count < wanted.length && lines[at + count] === wanted[count]) count += 1
    if (count > bestCount) [best, bestCount] = [at, count]
  }
  if (best === -1) return null
  const differs = best + bestCount
  return `The text begins like line ${best + 1}, and differs from line ${differs + 1} on. ${shown(lines, best, wanted.length)}`
}

/** The line most like the longest line of the text. */
function similar(lines: string[], wanted: string[]): string | null {
  const longest = wanted.reduce((best, line) => (line.trim().length > best.trim().length ? line : best), '')
  const sought = pairsOf(longest)
  if (sought.size < 6) return null
  let [best, bestScore] = [-1, 0.6]
  for (const [at, line] of lines.entries()) {
    const pairs = pairsOf(line)
    if (pairs.size * 3 < sought.size || pairs.size > sought.size * 3) continue
    let common = 0
    for (const pair of pairs) if (sought.has(pair)) common += 1
    const score = (2 * common) / (pairs.size + sought.size)
    if (score > bestScore) [best, bestScore] = [at, score]
  }
  return best === -1 ? null : `The most similar line is this. ${shown(lines, best, 1)}`
}

function pairsOf(line: string): Set<string> {
  const text = withoutSpace(line.slice(0, lineCharsMax))
  const pairs = new Set<string>()
  for (let at = 0; at + 1 < text.length; at += 1) pairs.add(text.slice(at, at + 2))
  return pairs
}

function shown(lines: string[], at: number, count: number): string {
  const part = lines.slice(at, at + Math.min(count, shownLinesMax))
  const text = part.map(
    (line, index) => `${String(at + index + 1).padStart(6)}\t${line.slice(0, lineCharsMax)}`,
  )
  return `The file has:\n${text.join('\n')}`
}

/** Without blank lines around it. */
function trimmed(lines: string[]): string[] {
  const first = lines.findIndex((line) => line.trim() !== '')
  return first === -1 ? [] : lines.slice(first, lines.findLastIndex((line) => line.trim() !== '') + 1)
}

function withoutSpace(line: string): string {
  return line.replaceAll(/\s+/g, '')
}

function plain(line: string): string {
  return line
    .normalize('NFKC')
    .replaceAll(/[\u2018\u2019\u201b]/g, "'")
    .replaceAll(/[\u201c\u201d\u201f]/g, '"')
    .replaceAll(/[\u2010-\u2015\u2212]/g, '-')
    .replaceAll(/\s+/g, '')
    .toLowerCase()
}
