/**
 * A run as it was at any of its events.
 *
 * Owns views at intervals of the log. A view is immutable and shares what did not change with the one before, so that
 * keeping some hundreds costs little; any other is the nearest one before it and the events in between. Invariants: a view
 * is the reduction of exactly the events up to its `head`; one call reduces a bounded number of events.
 */
import type { RunKind } from '@millrace/protocol'
import { applyEvent, newView, resetView, type View } from '@millrace/protocol/view'
import type { LoggedEvent } from '#run/log/blocks.ts'

export interface HistoryLog {
  event(seq: number): LoggedEvent | undefined
}

/** An event that people look for. */
export interface Moment {
  readonly seq: number
  readonly what: 'call' | 'phase' | 'question' | 'failure' | 'message'
}

const keptMax = 256
const firstInterval = 100
/** What one call reduces: some milliseconds of work. */
const stepEvents = 1000
const momentsMax = 2000

export class History {
  readonly moments: Moment[] = []
  readonly #log: HistoryLog
  /** In the order of their heads; the first is the empty view. */
  #kept: View[]
  #interval = firstInterval
  #momentsTo = 0

  constructor(log: HistoryLog, kind: RunKind, firstSeq = 1) {
    this.#log = log
    this.#kept = [resetView(newView(kind) as View, { firstSeq })]
  }

  /** The last event that a view is kept of. */
  get reducedTo(): number {
    return this.#kept.at(-1)?.head ?? 0
  }

  /**
   * The run at an event. Where events are missing, or are too many for one step, the view is as near as it gets: its
   * `head` is less than `seq`, and the next call comes nearer.
   */
  at(seq: number): View {
    let view = this.#nearest(seq)
    const end = Math.min(seq, view.head + stepEvents)
    while (view.head < end) {
      const event = this.#log.event(view.head + 1)
      if (event === undefined) break
      view = applyEvent(view, event)
      this.#note(event)
      if (view.head >= this.reducedTo + this.#interval) this.#keep(view)
    }
    // What a step has reached is where the next one continues.
    if (view.head < seq && view.head > this.reducedTo) this.#keep(view)
    return view
  }

  #nearest(seq: number): View {
    const index = this.#kept.findLastIndex(({ head }) => head <= seq)
    return this.#kept[Math.max(index, 0)] as View
  }

  #keep(view: View): void {
    this.#kept.push(view)
    if (this.#kept.length <= keptMax) return
    this.#kept = this.#kept.filter((_, index) => index % 2 === 0 || index === this.#kept.length - 1)
    this.#interval *= 2
  }

  #note({ seq, type, data }: LoggedEvent): void {
    if (seq <= this.#momentsTo) return
    this.#momentsTo = seq
    const what = momentOf(type, data)
    if (what !== null && this.moments.length < momentsMax) this.moments.push({ seq, what })
  }
}

function momentOf(type: string, data: unknown): Moment['what'] | null {
  switch (type) {
    case 'tool:start':
    case 'acp:tool_call':
      return 'call'
    case 'assistant':
      return hasCall(data) ? 'call' : null
    case 'phase:start':
      return 'phase'
    case 'permission:requested':
      return 'question'
    case 'permission:denied':
    case 'execution:error':
    case 'errored':
      return 'failure'
    case 'message:queued':
      return 'message'
    default:
      return null
  }
}

function hasCall(data: unknown): boolean {
  const { message } = (data ?? {}) as { message?: { content?: unknown } }
  const content = message?.content
  return Array.isArray(content) && content.some((block) => block?.type === 'tool_use')
}
