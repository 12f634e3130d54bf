/**
 * Stand-ins for text that is not known before the command runs. They are private-use characters, and a
 * command that contains one itself is not read at all.
 */

/** Any text at all. */
export const unknownText = '\u{f0000}'
/** Any text without a slash, as a pattern like `*` or `?` matches. */
export const anyName = '\u{f0001}'
/** Letters and digits: a number, a process's id. */
export const plainText = '\u{f0002}'
/** The id of a process that this very command started: `$!`. */
export const ownProcess = '\u{f0003}'

const standIn = /[\u{f0000}-\u{f0003}]/u
export const holdsStandIn = (text: string): boolean => standIn.test(text)
export const isUnknown = (text: string): boolean => text.includes(unknownText)

const longestShown = 80

/** The text as a person wrote it, near enough, on one line. */
export function show(text: string): string {
  const readable = text
    .replaceAll(unknownText, '…')
    .replaceAll(anyName, '*')
    .replaceAll(plainText, 'N')
    .replaceAll(ownProcess, '$!')
    .replace(/\s+/gu, ' ')
    .trim()
  return readable.length > longestShown ? `${readable.slice(0, longestShown - 1)}…` : readable
}

/** Does a name that may hold stand-ins match this plain name? */
export function couldBe(pattern: string, name: string): boolean {
  if (!holdsStandIn(pattern)) return pattern === name
  const source = [...pattern].map((char) => (standIn.test(char) ? '.*' : escapeForPattern(char))).join('')
  return new RegExp(`^${source}$`, 'su').test(name)
}

/** A glob as text, as `find -name` takes it: with stand-ins in the place of its patterns. */
export function globToStandIns(glob: string): string {
  return glob.replace(/\[[^\]]*\]/gu, anyName).replace(/[*?]+/gu, anyName)
}

function escapeForPattern(char: string): string {
  return /[\\^$.*+?()[\]{}|/-]/.test(char) ? `\\${char}` : char
}
