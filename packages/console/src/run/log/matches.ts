/** Where a text is found in styled spans, whatever its case. */
import type { Span } from './ansi.ts'

export interface Piece extends Span {
  readonly isMatch: boolean
}

/** The spans, cut where a match begins or ends. A match may reach across spans. */
export function marked(spans: readonly Span[], searched: string): readonly Piece[] {
  const whole = spans.map(({ text }) => text).join('')
  const ranges = rangesOf(whole, searched)
  if (ranges.length === 0) return spans.map((span) => ({ ...span, isMatch: false }))
  const pieces: Piece[] = []
  let begin = 0
  let next = 0
  for (const span of spans) {
    const end = begin + span.text.length
    let at = begin
    while (at < end) {
      while ((ranges[next]?.[1] ?? Number.POSITIVE_INFINITY) <= at) next += 1
      const [from, to] = ranges[next] ?? [end, end]
      const isMatch = from <= at
      const cut = Math.min(end, isMatch ? to : from)
      pieces.push({ ...span, text: span.text.slice(at - begin, cut - begin), isMatch })
      at = cut
    }
    begin = end
  }
  return pieces
}

function rangesOf(text: string, searched: string): [number, number][] {
  if (searched === '') return []
  const ranges: [number, number][] = []
  // Escaped and matched without regard to case: lower-casing first would move what follows letters such as İ.
  const pattern = new RegExp(searched.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'gi')
  for (const { index, 0: found } of text.matchAll(pattern)) ranges.push([index, index + found.length])
  return ranges
}
