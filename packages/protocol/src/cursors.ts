/**
 * Cursors: the `seq` after which a follower wants to read.
 *
 * A cursor reaches us as text from a header or a query that anybody may have written, so the parser
 * knows three answers: a position, nothing given, or not a cursor at all.
 */
import type { ResetReason } from './events.ts'

export type ParsedCursor = { kind: 'none' } | { kind: 'at'; after: number } | { kind: 'invalid' }

// At a million events a second a log reaches 2^53 - 1, which has 16 digits, after 285 years.
const decimal = /^(0|[1-9][0-9]{0,15})$/

/** Reads one cursor. The empty string is "none": an EventSource that never saw an id sends no header. */
export function parseCursor(text: string | undefined | null): ParsedCursor {
  if (text === undefined || text === null || text === '') return { kind: 'none' }
  if (!decimal.test(text)) return { kind: 'invalid' }
  const after = Number(text)
  return Number.isSafeInteger(after) ? { kind: 'at', after } : { kind: 'invalid' }
}

/** What a log can serve at this moment. */
export interface LogBounds {
  /** The oldest event kept; head + 1 when none is kept. */
  firstSeq: number
  head: number
  /** True when the terminal event is the newest one. */
  closed: boolean
  epoch: string
}

export type Resume =
  /** Send the events after this `seq`, then live ones. */
  | { kind: 'read'; after: number }
  /** Say why the cursor cannot be served, then send the log from its first kept event. */
  | { kind: 'reset'; reason: ResetReason; after: number }
  /** The client has everything, and there will be no more. */
  | { kind: 'over' }

/**
 * Decides how a follower starts. `bounds` must come from a fresh read of the store: a node that learns of
 * commits late would otherwise call a good cursor "ahead".
 */
export function resolveResume(cursor: ParsedCursor, epoch: string | undefined, bounds: LogBounds): Resume {
  const fromStart = bounds.firstSeq - 1
  const reset = (reason: ResetReason): Resume => ({ kind: 'reset', reason, after: fromStart })
  if (cursor.kind === 'invalid') return reset('invalid')
  // Even without a cursor: a client that names an epoch has seen something of it.
  if (epoch !== undefined && epoch !== '' && epoch !== bounds.epoch) return reset('epoch')
  if (cursor.kind === 'none') return fromStart > 0 ? reset('pruned') : { kind: 'read', after: 0 }
  if (cursor.after > bounds.head) return reset('ahead')
  if (bounds.closed && cursor.after === bounds.head) return { kind: 'over' }
  if (cursor.after < fromStart) return reset('pruned')
  return { kind: 'read', after: cursor.after }
}
