/**
 * Following a run from inside the process: the same loop as a stream's, a page at a time, as an
 * async iterable. It reads only when its consumer asks, so a slow consumer holds one page.
 */
import { type LogBounds, MillraceError, parseCursor, type ResetData, resolveResume } from '@millrace/protocol'
import type { Heartbeats } from '#sse/heartbeats'
import type { Wakeups } from '#wakeups/wakeups'
import type { LogSource, StoredEvent } from './source.ts'

/** The log cannot serve the cursor; `reset` says why, as the `reset` frame of a stream does. */
export class CursorReset extends MillraceError {
  override readonly name = 'CursorReset'
  readonly reset: ResetData

  constructor(reset: ResetData) {
    super('invalid_request', `the log cannot be read from this cursor (${reset.reason})`)
    this.reset = reset
  }
}

export interface IterateOptions {
  /** Start after this `seq`; without it, at the first event that is kept. */
  after?: number | undefined
  types?: readonly string[] | undefined
  signal?: AbortSignal | undefined
}

export interface IterateParts {
  source: LogSource
  wakeups: Pick<Wakeups, 'listen'>
  heartbeats: Heartbeats
  pageBytes: number
  /** Delivery drains or is closed: iterate over what the log has, then end. */
  refusing: boolean
}

/** How long an iterator trusts that no wake-up was lost. */
const recheckMs = 15_000

/** Rings for a loop that waits, and remembers a ring while it does not. */
class Bell {
  #rung = false
  #answer: (() => void) | null = null

  ring(): void {
    this.#rung = true
    this.#answer?.()
  }

  async heard(): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        this.#answer = resolve
      })
    }
    this.#answer = null
    this.#rung = false
  }
}

/** `leaving` ends it at the head, `stopped` at once; both without an error. */
export interface Iterator {
  leaving: boolean
  stopped: boolean
  ring(): void
  /** Settles when its consumer has taken the last event, or has left. */
  readonly over: Promise<void>
}

/**
 * Yields the events after the cursor, then live ones; ends after the terminal event, when the signal
 * is aborted, and when delivery drains or closes. Throws `not_found` for an unknown run and
 * `CursorReset` where the log no longer has, or never had, what the cursor asks for.
 */
export async function* iterate(
  runId: string,
  options: IterateOptions,
  parts: IterateParts,
  iterators: Set<Iterator>,
): AsyncGenerator<StoredEvent, void, undefined> {
  const bell = new Bell()
  const { promise: over, resolve: end } = Promise.withResolvers<void>()
  const self: Iterator = { leaving: parts.refusing, stopped: false, ring: () => bell.ring(), over }
  const onAbort = () => {
    self.stopped = true
    bell.ring()
  }
  const releases = [
    parts.wakeups.listen(runId, { woken: () => bell.ring(), recheck: () => bell.ring() }),
    parts.heartbeats.add({ beat: () => bell.ring() }, recheckMs),
    () => options.signal?.removeEventListener('abort', onAbort),
    () => iterators.delete(self),
    end,
  ]
  try {
    iterators.add(self)
    options.signal?.addEventListener('abort', onAbort)
    if (options.signal?.aborted === true) return
    let bounds = await parts.source.bounds(runId)
    if (bounds === null) throw new MillraceError('not_found', 'no such run')
    const epoch = bounds.epoch
    let cursor = options.after ?? bounds.firstSeq - 1
    while (!self.stopped) {
      if (ended(cursor, epoch, bounds)) return
      // Noted before the read: a read that was under way when `leaving` was set may not show the end.
      const { leaving } = self
      const page = await parts.source.readAfter(runId, { after: cursor, maxBytes: parts.pageBytes })
      if (page === null) return
      bounds = page.bounds
      if (ended(cursor, epoch, bounds)) return
      for (const event of page.events) {
        if (self.stopped) return
        cursor = event.seq
        if (wanted(event, options.types, bounds)) yield event
      }
      if (cursor < bounds.head && page.events.length > 0) continue
      if (leaving) return
      if (self.leaving) continue
      if (!(bounds.closed && cursor === bounds.head)) await bell.heard()
    }
  } finally {
    for (const release of releases) release()
  }
}

function ended(after: number, epoch: string, bounds: LogBounds): boolean {
  const cursor =
    Number.isSafeInteger(after) && after >= 0 ? parseCursor(String(after)) : { kind: 'invalid' as const }
  const resume = resolveResume(cursor, epoch, bounds)
  if (resume.kind !== 'reset') return resume.kind === 'over'
  throw new CursorReset({ reason: resume.reason, firstSeq: bounds.firstSeq, head: bounds.head })
}

function wanted(event: StoredEvent, types: readonly string[] | undefined, bounds: LogBounds): boolean {
  if (types === undefined || types.length === 0) return true
  return types.includes(event.type) || (bounds.closed && event.seq === bounds.head)
}
