/**
 * Stand-ins for text that is not known before the command runs. They are private-use characters, and a
 * command that contains one itself is not read at all.
 */

/** Any text at all, as one word. */
export const unknownText = '\u{f0000}'
/** Any text without a slash, as a pattern like `*` or `?` matches. */
export const anyName = '\u{f0001}'
/** Letters and digits: a number, a process's id. */
export const plainText = '\u{f0002}'
/** The id of a process that this very command started: `$!`. */
export const ownProcess = '\u{f0003}'
/** Any number of words, each any text: an expansion without quotes. */
export const unknownWords = '\u{f0004}'
/** A name below a directory, at any depth: what `find` puts in the place of `{}`. */
export const namesBelow = '\u{f0005}'

const standIn = /[\u{f0000}-\u{f0005}]/u
export const holdsStandIn = (text: string): boolean => standIn.test(text)
export const isUnknown = (text: string): boolean => /[\u{f0000}\u{f0004}]/u.test(text)
export const isManyWords = (text: string): boolean => text.includes(unknownWords)
/** Could it be an option? */
export const startsUnknown = (text: string): boolean => /^[\u{f0000}\u{f0004}]/u.test(text)

/** Why a word that begins with unknown text cannot be judged as an argument of this program. */
export function optionProblem(text: string, program: string): string {
  const shown = show(text)
  const word =
    shown === '…'
      ? 'a word that is not known before the command runs'
      : `${shown}, whose beginning is not known,`
  return `${word} could be any option of ${program}`
}

const longestShown = 80

/** The text as a person wrote it, near enough, on one line. */
export function show(text: string): string {
  const readable = text
    .replace(/[\u{f0000}\u{f0004}]+/gu, '…')
    .replace(/[\u{f0001}\u{f0005}]/gu, '*')
    .replaceAll(plainText, 'N')
    .replaceAll(ownProcess, '$!')
    .replace(/\s+/gu, ' ')
    .trim()
  return readable.length > longestShown ? `${readable.slice(0, longestShown - 1)}…` : readable
}

/** Does a name that may hold stand-ins match this plain name? */
export function couldBe(pattern: string, name: string): boolean {
  if (!holdsStandIn(pattern)) return pattern === name
  const pieces = pattern.split(/[\u{f0000}-\u{f0005}]+/u)
  const first = pieces[0] ?? ''
  const last = pieces.at(-1) ?? ''
  if (name.length < first.length + last.length) return false
  if (!name.startsWith(first) || !name.endsWith(last)) return false
  // Each piece as early as it can be: linear, unlike an expression that backtracks.
  let at = first.length
  const end = name.length - last.length
  for (const piece of pieces.slice(1, -1)) {
    const found = name.indexOf(piece, at)
    if (found === -1 || found + piece.length > end) return false
    at = found + piece.length
  }
  return true
}

/** A glob as text, as `find -name` takes it: with stand-ins in the place of its patterns. */
export function globToStandIns(glob: string): string {
  return glob.replace(/\[[^\]]*\]/gu, anyName).replace(/[*?]+/gu, anyName)
}
