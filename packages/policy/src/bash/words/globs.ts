/** What a pattern like `*.ts` matches now: names that look like options and links that lead away are not readable. */
import { type Dirent, readdirSync } from 'node:fs'
import type { Reading } from '#bash/reading'
import { anyName, couldBe, holdsStandIn } from '#bash/symbols'

const mostEntries = 2_000

/** What is wrong with a pattern's matches, to be said after it; null: nothing. */
export function globTrouble(path: string, reading: Reading): string | null {
  let left = mostEntries
  reading.look()
  const below = (directory: string, parts: readonly string[]): string | null => {
    const [part, ...rest] = parts
    if (part === undefined) return null
    if (!holdsStandIn(part)) return below(`${directory}/${part}`, rest)
    for (const entry of entriesOf(directory, reading)) {
      left--
      if (left < 0 || (left % 20 === 0 && !reading.look()))
        return 'may match more files than can be looked at'
      if (!couldBe(part, entry.name) || (entry.name.startsWith('.') && part.startsWith(anyName))) continue
      if (entry.name.startsWith('-')) return `matches ${entry.name}, which programs take for an option`
      if (entry.isSymbolicLink()) return `matches ${entry.name}, which is a link`
      const trouble = below(`${directory}/${entry.name}`, rest)
      if (trouble !== null) return trouble
    }
    return null
  }
  return below('', path.split('/').slice(1))
}

function entriesOf(directory: string, reading: Reading): readonly Dirent[] {
  const known = reading.directories.get(directory)
  if (known !== undefined) return known
  const found = reading.look(100) ? listed(directory) : []
  reading.directories.set(directory, found)
  return found
}

function listed(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
  } catch {
    return []
  }
}
