/**
 * The style with which each line of a log begins: a colour that a program sets lasts until it is changed, also over the end of
 * its line. Standard output and standard error each have their own.
 */
import { plain, type Style, styledLine } from './ansi.ts'
import type { LoggedEvent } from './blocks.ts'

/** Lines that are looked at before the first one that is shown: any part of a log can be shown without its beginning. */
const linesBefore = 200

/** The styles of the lines from `first` to `last` that do not begin plain, by their `seq`. */
export function carriedStyles(
  eventOf: (seq: number) => LoggedEvent | undefined,
  first: number,
  last: number,
): ReadonlyMap<number, Style> {
  const styles = new Map<number, Style>()
  const now: Record<string, Style> = {}
  for (let seq = Math.max(first - linesBefore, 1); seq <= last; seq++) {
    const event = eventOf(seq)
    const { line, stream } = (event?.data ?? {}) as { line?: unknown; stream?: unknown }
    if (event?.type !== 'output' || typeof line !== 'string') continue
    const name = String(stream)
    const before = now[name] ?? plain
    if (before !== plain && seq >= first) styles.set(seq, before)
    if (line.includes('\u001b') || line.includes('\u009b')) now[name] = afterOf(event, line, before)
  }
  return styles
}

/** Lines are looked at again with every scrolled row. */
const known = new WeakMap<LoggedEvent, { before: Style; after: Style }>()

function afterOf(event: LoggedEvent, line: string, before: Style): Style {
  const found = known.get(event)
  if (found?.before === before) return found.after
  const { after } = styledLine(line, before)
  const kept = Object.keys(after).length === 0 ? plain : after
  known.set(event, { before, after: kept })
  return kept
}
