/**
 * Segments and batches: encoded events of one log, without a gap.
 *
 * A segment holds the events of one commit or one page; it is encoded once, in one dialect, and never
 * changed. A batch is what a follower writes: the frames after a cursor, up to a budget, cut from one
 * or more segments. A batch that is exactly one segment shares its memory.
 */
import { buildChunk, type Chunk } from '#sse/chunk'
import type { Dialect } from './dialect.ts'
import type { StoredEvent } from './source.ts'

/** Which types a follower wants; compared by identity, so that followers can share batches. */
export interface TypeFilter {
  readonly types: ReadonlySet<string>
}

export interface Segment extends Chunk {
  readonly first: number
  readonly last: number
  /** Where the frames of each event start in the body, and, as one entry more, where the last ones end. */
  readonly offsets: readonly number[]
  readonly types: readonly string[]
  /** Roughly how many bytes of memory it takes. */
  readonly cost: number
}

export interface Batch extends Chunk {
  /** The cursor of a follower that has written it. */
  readonly through: number
  /** How many events it shows; a filter or a dialect may leave none, and then there are no bytes to write. */
  readonly events: number
}

export interface Cut {
  after: number
  /** Stop before the event that would exceed this many bytes; one event always fits. */
  maxBytes: number
  filter: TypeFilter | null
  /** `seq` of the terminal event, once it is known: it passes every filter. */
  terminal: number | null
}

/** What a segment takes besides its frames, and what each event adds: measured, and rounded up. */
const segmentCost = 1024
const eventCost = 40

/** Encodes events, of which there must be at least one. `terminal` is the `seq` of the terminal event, once it is known. */
export function encodeSegment(
  events: readonly StoredEvent[],
  dialect: Dialect,
  terminal: number | null,
): Segment {
  const texts: string[] = []
  const types: string[] = []
  const offsets: number[] = [0]
  let length = 0
  for (const event of events) {
    const text = dialect.frames(event, event.seq === terminal)
    length += Buffer.byteLength(text)
    texts.push(text)
    types.push(event.type)
    offsets.push(length)
  }
  const chunk = buildChunk(length, (target, start) => {
    let index = 0
    for (const text of texts) target.write(text, start + (offsets[index++] ?? 0))
  })
  const first = events[0]?.seq ?? 0
  const cost = chunk.chunked.length + segmentCost + events.length * eventCost
  return { ...chunk, first, last: first + events.length - 1, offsets, types, cost }
}

/** A part of a segment's body: the events from index `from` up to, but not including, index `to`. */
interface Slice {
  segment: Segment
  from: number
  to: number
}

/**
 * Cuts one batch out of segments that follow each other, starting in the one at `index`, which must
 * hold the event after the cursor.
 */
export function cutBatch(segments: readonly (Segment | undefined)[], index: number, cut: Cut): Batch {
  const slices: Slice[] = []
  let bytes = 0
  let events = 0
  let through = cut.after
  walk: for (let at = index; at < segments.length; at++) {
    const segment = segments[at]
    if (segment === undefined) break
    for (let entry = through + 1 - segment.first; entry < segment.types.length; entry++) {
      const seq = segment.first + entry
      if (wanted(segment, entry, seq, cut)) {
        const size = (segment.offsets[entry + 1] ?? 0) - (segment.offsets[entry] ?? 0)
        if (events > 0 && bytes + size > cut.maxBytes) break walk
        bytes += size
        if (size > 0) events += 1
        const open = slices.at(-1)
        if (open?.segment === segment && open.to === entry) open.to = entry + 1
        else slices.push({ segment, from: entry, to: entry + 1 })
      }
      through = seq
    }
  }
  return { ...join(slices, bytes), through, events }
}

function wanted(segment: Segment, entry: number, seq: number, cut: Cut): boolean {
  return cut.filter === null || seq === cut.terminal || cut.filter.types.has(segment.types[entry] ?? '')
}

function join(slices: readonly Slice[], bytes: number): Chunk {
  const [only] = slices
  if (slices.length === 1 && only?.from === 0 && only.to === only.segment.types.length) return only.segment
  return buildChunk(bytes, (target, start) => {
    let offset = start
    for (const { segment, from, to } of slices) {
      const first = segment.start + (segment.offsets[from] ?? 0)
      const end = segment.start + (segment.offsets[to] ?? 0)
      offset += segment.chunked.copy(target, offset, first, end)
    }
  })
}
