/**
 * Wake-ups: "run R has reached event N".
 *
 * `Wakeups` owns the subscriptions to its sources and the listeners of each run. A wake-up is only a
 * hint: it may be lost, late, repeated or out of order. A listener that hears one reads the log itself,
 * so a lost hint delays an event and never loses it.
 */
import type { StoredEvent } from '#store/store'

export interface Wakeup {
  runId: string
  /** `seq` of the newest event of its log. */
  head: number
  /** True when the event at `head` is the terminal one. */
  closed: boolean
  /** True when the run was deleted. */
  deleted: boolean
  /** The newest events, in order and without a gap, where the source has them at hand; from another node, none. */
  events: readonly StoredEvent[]
}

/** Where wake-ups come from: the local store, a database's notifications, a message bus. */
export interface WakeupSource {
  /** Starts sending wake-ups; returns what stops it. */
  open(sink: WakeupSink): () => void
  /** The first listener of a run has come, or its last one has gone. */
  followed?(runId: string): void
  unfollowed?(runId: string): void
}

/** What a source calls. No call throws. */
export interface WakeupSink {
  wake(wakeup: Wakeup): void
  /** Wake-ups may have been lost, of any run: a source that was cut off says so once it is back. */
  gap(): void
  /** The runs that something listens to now. */
  followed(): string[]
}

/** What hears of one run. Its methods must not throw. */
export interface WakeupListener {
  woken(wakeup: Wakeup): void
  /** A wake-up may have been lost: look at the store. */
  recheck(): void
}

export class Wakeups implements WakeupSink {
  readonly #listeners = new Map<string, Set<WakeupListener>>()
  readonly #sources: readonly WakeupSource[]
  readonly #stops: (() => void)[]

  constructor(sources: readonly WakeupSource[]) {
    this.#sources = sources
    this.#stops = sources.map((source) => source.open(this))
  }

  /** Returns what removes the listener. */
  listen(runId: string, listener: WakeupListener): () => void {
    const listeners = this.#listeners.get(runId) ?? new Set()
    this.#listeners.set(runId, listeners)
    listeners.add(listener)
    if (listeners.size === 1) for (const source of this.#sources) source.followed?.(runId)
    return () => {
      listeners.delete(listener)
      if (listeners.size > 0 || this.#listeners.get(runId) !== listeners) return
      this.#listeners.delete(runId)
      for (const source of this.#sources) source.unfollowed?.(runId)
    }
  }

  wake(wakeup: Wakeup): void {
    const listeners = this.#listeners.get(wakeup.runId)
    if (listeners !== undefined) for (const listener of listeners) listener.woken(wakeup)
  }

  gap(): void {
    for (const listeners of this.#listeners.values()) {
      for (const listener of listeners) listener.recheck()
    }
  }

  followed(): string[] {
    return [...this.#listeners.keys()]
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop()
    this.#listeners.clear()
  }
}
