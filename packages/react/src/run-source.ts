/**
 * One run as it is shown, shared by everything on the page that shows it.
 *
 *     Client.follow ─▶ pending events ─▶ (once a frame) ─▶ view ─▶ snapshot ─▶ subscribers
 *
 * Owns: the following, the events that arrived since the last frame, the view. It follows while somebody is subscribed;
 * it leaves a microtask after the last one left, so that a component that unmounts and mounts again (StrictMode, another
 * key) keeps its connection.
 * Invariants: a snapshot is immutable and changes at most once a frame; nothing is called back after the last subscriber
 * has left, and the source is not used again.
 */
import { type Client, ClientError, type Following, type FollowStatus } from '@millrace/client'
import { lifecycleTypes, type ResetData, type RunKind } from '@millrace/protocol'
import { applyEvents, newView, resetView, type View, type ViewEvent } from '@millrace/protocol/view'
import type { Scheduler } from './scheduler.ts'

export interface RunSnapshot {
  /** Null until the first event has arrived. */
  readonly view: View | null
  readonly status: FollowStatus
  /** Why it is `reconnecting` or `failed`. */
  readonly error: ClientError | null
}

/** What a run that nobody follows yet looks like, also on a server that renders pages. */
export const notYet: RunSnapshot = { view: null, status: 'connecting', error: null }

export interface RunSourceParts {
  client: Pick<Client, 'follow' | 'get'>
  runId: string
  schedule: Scheduler
  /** Called when the last subscriber has left. */
  onIdle(): void
}

export class RunSource {
  snapshot: RunSnapshot = notYet
  readonly #parts: RunSourceParts
  readonly #listeners = new Set<() => void>()
  #following: Following | null = null
  /** What callbacks are compared with: those of a following that was left mean nothing. */
  #session: object | null = null
  #pending: ViewEvent[] = []
  #reset: ResetData | null = null
  #view: View | null = null
  #status: FollowStatus = 'connecting'
  #error: ClientError | null = null
  #cancelFlush: (() => void) | null = null
  #asksForKind = false

  constructor(parts: RunSourceParts) {
    this.#parts = parts
  }

  /** Returns what ends the subscription. */
  subscribe(listener: () => void): () => void {
    // Each subscription is one entry, also where two share a function.
    const entry = () => listener()
    this.#listeners.add(entry)
    if (this.#session === null) this.#open()
    return () => {
      this.#listeners.delete(entry)
      queueMicrotask(() => {
        if (this.#listeners.size === 0) this.#leave()
      })
    }
  }

  /** After `failed`: tries again from where it was. */
  retry(): void {
    const following = this.#following
    if (this.snapshot.status !== 'failed' || following === null) return
    if (following.status === 'failed') following.retry()
    // It was the kind of the run that could not be asked for.
    else this.#become(following.status, null)
  }

  #open(): void {
    const { client, runId } = this.#parts
    const session = {}
    this.#session = session
    const isCurrent = () => this.#session === session
    this.#following = client.follow(runId, {
      onEvent: (event) => {
        if (isCurrent()) this.#take(event)
      },
      onReset: (reset) => {
        if (isCurrent()) this.#forget(reset)
      },
      onStatus: (status, error) => {
        if (isCurrent()) this.#become(status, error ?? null)
      },
    })
  }

  #leave(): void {
    if (this.#session === null) return
    // First, so that nothing the close calls back is taken in.
    this.#session = null
    this.#cancelFlush?.()
    this.#cancelFlush = null
    this.#following?.close()
    this.#following = null
    this.#parts.onIdle()
  }

  #take(event: ViewEvent): void {
    this.#pending.push(event)
    this.#wake()
  }

  #forget(reset: ResetData): void {
    this.#pending = []
    this.#reset = reset
    this.#wake()
  }

  #become(status: FollowStatus, error: ClientError | null): void {
    this.#status = status
    this.#error = error
    this.#wake()
  }

  #wake(): void {
    this.#cancelFlush ??= this.#parts.schedule(() => {
      this.#cancelFlush = null
      this.#flush()
    })
  }

  #flush(): void {
    this.#view = this.#viewWithPending()
    const before = this.snapshot
    const snapshot = { view: this.#view, status: this.#status, error: this.#error }
    if (before.view === snapshot.view && before.status === snapshot.status && before.error === snapshot.error)
      return
    this.snapshot = snapshot
    for (const listener of [...this.#listeners]) listener()
  }

  #viewWithPending(): View | null {
    let view = this.#view
    if (view === null) {
      if (this.#pending.length === 0) return null
      const kind = kindIn(this.#pending)
      if (kind === null) {
        this.#askForKind()
        return null
      }
      view = newView(kind)
    }
    if (this.#reset !== null) view = resetView(view, this.#reset)
    this.#reset = null
    const pending = this.#pending
    this.#pending = []
    return applyEvents(view, pending)
  }

  /** The beginning of the log, which names the kind, is no longer kept. */
  #askForKind(): void {
    if (this.#asksForKind) return
    this.#asksForKind = true
    const session = this.#session
    this.#parts.client.get(this.#parts.runId).then(
      ({ kind }) => {
        this.#asksForKind = false
        if (this.#session !== session) return
        this.#view ??= newView(kind)
        this.#wake()
      },
      (error: unknown) => {
        this.#asksForKind = false
        if (this.#session === session && error instanceof ClientError) this.#become('failed', error)
      },
    )
  }
}

function kindIn(events: readonly ViewEvent[]): RunKind | null {
  const queued = events.find(({ type }) => type === lifecycleTypes.queued)
  return queued === undefined ? null : (queued.data as { kind: RunKind }).kind
}
