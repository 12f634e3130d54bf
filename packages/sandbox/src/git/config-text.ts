/**
 * The text of a git configuration as entries, and a change of it as entries that were added and removed.
 *
 * Only plain lines are understood: a header alone on its line, an entry on one line or continued with a backslash.
 * Git writes nothing else. A text with anything else has no entries.
 */

export interface ConfigEntry {
  /** As git compares it: the section in lower case, the subsection as written, the name in lower case. */
  section: string
  subsection: string | null
  name: string
  /** The line, without blanks around it; with its continuations. */
  line: string
  /** Null if the value is quoted, continued, commented or absent. */
  value: string | null
}

const header = /^\[([A-Za-z0-9.-]+)(?:[ \t]+"((?:[^"\\]|\\["\\])*)")?\]$/
const plainEntry = /^([A-Za-z][A-Za-z0-9-]*)[ \t]*=[ \t]*([^\\"#;]*)$/
const anyEntry = /^([A-Za-z][A-Za-z0-9-]*)(?:[ \t]*=|$)/

interface Line {
  text: string
  section: string | null
  entry: ConfigEntry | null
}

/** Null where a line is not understood. */
export function entriesOf(text: string): ConfigEntry[] | null {
  const lines = linesOf(text)
  return lines === null ? null : lines.flatMap(({ entry }) => entry ?? [])
}

export function changeBetween(
  before: readonly ConfigEntry[],
  after: readonly ConfigEntry[],
): { added: ConfigEntry[]; removed: ConfigEntry[] } {
  return { added: without(after, before), removed: without(before, after) }
}

/** Returns the text after the change, with all its other lines as they were. Null where a line is not understood. */
export function changedText(
  text: string,
  change: { added: readonly ConfigEntry[]; removed: readonly ConfigEntry[] },
): string | null {
  const lines = linesOf(text)
  if (lines === null) return null
  for (const removed of change.removed) {
    const at = lines.findIndex(({ entry }) => entry !== null && isSame(entry, removed))
    if (at === -1) continue
    const section = lines[at]?.section ?? null
    lines.splice(at, 1)
    const [first, ...more] = lines.flatMap((line, index) => (line.section === section ? [index] : []))
    // A header with nothing below it, not even a comment.
    if (first !== undefined && more.length === 0) lines.splice(first, 1)
  }
  for (const entry of change.added) {
    const section = keyOf(entry)
    const line: Line = { text: `\t${entry.line}`, section, entry }
    const last = lines.findLastIndex((other) => other.section === section)
    if (last === -1) lines.push({ text: headerOf(entry), section, entry: null }, line)
    else lines.splice(last + 1, 0, line)
  }
  return lines.length === 0 ? '' : `${lines.map((line) => line.text).join('\n')}\n`
}

function without(entries: readonly ConfigEntry[], known: readonly ConfigEntry[]): ConfigEntry[] {
  const left = [...known]
  return entries.filter((entry) => {
    const at = left.findIndex((other) => isSame(entry, other))
    if (at !== -1) left.splice(at, 1)
    return at === -1
  })
}

function isSame(a: ConfigEntry, b: ConfigEntry): boolean {
  return keyOf(a) === keyOf(b) && a.line === b.line
}

function keyOf({ section, subsection }: Pick<ConfigEntry, 'section' | 'subsection'>): string {
  return JSON.stringify([section, subsection])
}

function headerOf({ section, subsection }: ConfigEntry): string {
  return subsection === null ? `[${section}]` : `[${section} "${subsection}"]`
}

function linesOf(text: string): Line[] | null {
  const lines: Line[] = []
  let within: { section: string; subsection: string | null } | null = null
  const raw = text.split('\n')
  if (raw.at(-1) === '') raw.pop()
  for (let at = 0; at < raw.length; at += 1) {
    let text = (raw[at] ?? '').replace(/\r$/, '')
    // An entry ends where its line does not end with an odd number of backslashes.
    while (/(?:^|[^\\])(?:\\\\)*\\$/.test(text) && at + 1 < raw.length) {
      at += 1
      text += `\n${raw[at]}`
    }
    const trimmed = text.trim()
    const [, section, subsection] = header.exec(trimmed) ?? []
    if (section !== undefined) within = { section: section.toLowerCase(), subsection: subsection ?? null }
    const entry: ConfigEntry | null =
      section === undefined && within !== null ? entryOf(trimmed, within) : null
    if (section === undefined && entry === null && trimmed !== '' && !/^[#;]/.test(trimmed)) return null
    lines.push({ text, section: within === null ? null : keyOf(within), entry })
  }
  return lines
}

function entryOf(line: string, within: { section: string; subsection: string | null }): ConfigEntry | null {
  const [, name, value] = plainEntry.exec(line) ?? []
  if (name !== undefined) return { ...within, name: name.toLowerCase(), line, value: value?.trim() ?? null }
  const [, other] = anyEntry.exec(line) ?? []
  return other === undefined ? null : { ...within, name: other.toLowerCase(), line, value: null }
}
