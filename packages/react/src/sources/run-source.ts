/**
 * One run, followed once for all that show it.
 *
 * Owns the following and the view. Invariants: a source is opened once and closed once; what arrives is taken into the
 * view at once and published at most once per frame, so a snapshot never changes between two frames; nothing that
 * arrives after `close()` is taken in or published.
 */
import type { Client, ClientError, Following, FollowOptions, FollowStatus } from '@millrace/client'
import { isFinal, lifecycleTypes, type Run, type RunKind, runKinds } from '@millrace/protocol'
import {
  applyEvent,
  newView,
  resetView,
  type View,
  type ViewBounds,
  type ViewEvent,
} from '@millrace/protocol/view'
import type { Schedule } from './schedule.ts'

/** `idle`: no run is followed. The others are those of `@millrace/client`. */
export type ConnectionStatus = 'idle' | FollowStatus

export interface RunSnapshot {
  /** Null until the first event has arrived. */
  readonly view: View | null
  /** Null until somebody has asked for it and it has arrived. It is fetched again when the run ends. */
  readonly run: Run | null
  readonly status: ConnectionStatus
  /** Why it is `reconnecting` or `failed`. */
  readonly error: ClientError | null
}

export const idleSnapshot: RunSnapshot = { view: null, run: null, status: 'idle', error: null }
export const connectingSnapshot: RunSnapshot = { ...idleSnapshot, status: 'connecting' }

export interface SourceSettings {
  schedule: Schedule
  bounds: Partial<ViewBounds>
  follow: Pick<FollowOptions, 'attempts' | 'giveUpAfterMs' | 'backoff' | 'silenceMs' | 'clock'>
}

export class RunSource {
  /** What is shown. Replaced at a flush, never changed. */
  snapshot = connectingSnapshot
  readonly #client: Client
  readonly #runId: string
  readonly #settings: SourceSettings
  readonly #publish: () => void
  readonly #leave = new AbortController()
  readonly #following: Following
  /** What the next flush shows. */
  #next = connectingSnapshot
  #cancelFlush: (() => void) | null = null
  #kind: RunKind | undefined
  /** Events that arrived before the kind of the run was known. */
  #held: ViewEvent[] = []
  #isRecordWanted = false
  #isRecordAsked = false

  /** Follows at once. `kind` is what the reader expects; the log's own word for it counts more. */
  constructor(
    client: Client,
    runId: string,
    kind: RunKind | undefined,
    settings: SourceSettings,
    publish: () => void,
  ) {
    this.#client = client
    this.#runId = runId
    this.#kind = kind
    this.#settings = settings
    this.#publish = publish
    this.#following = client.follow(runId, {
      ...settings.follow,
      signal: this.#leave.signal,
      onEvent: (event) => this.#unlessLeft(() => this.#take(event as ViewEvent)),
      onReset: (reset) =>
        this.#unlessLeft(() => {
          this.#held = []
          const { view } = this.#next
          if (view !== null) this.#change({ view: resetView(view, reset) })
        }),
      onStatus: (status, error) => this.#unlessLeft(() => this.#change({ status, error: error ?? null })),
    })
  }

  /** After `failed`: tries again from the last event. */
  retry(): void {
    this.#following.retry()
  }

  /** Fetches the run's record, and again when the run ends. */
  wantRecord(): void {
    if (this.#isRecordWanted) return
    this.#isRecordWanted = true
    this.#fetchRecord()
  }

  close(): void {
    this.#cancelFlush?.()
    this.#cancelFlush = null
    this.#leave.abort()
    this.#following.close()
  }

  #unlessLeft(then: () => void): void {
    if (!this.#leave.signal.aborted) then()
  }

  #take(event: ViewEvent): void {
    if (this.#next.view === null) {
      this.#kind = kindIn(event) ?? this.#kind
      if (this.#kind === undefined) {
        // The beginning of the log was pruned, and with it the kind.
        this.#held.push(event)
        this.#fetchRecord()
        return
      }
    }
    const before = this.#next.view ?? newView(this.#kind as RunKind, this.#settings.bounds)
    const view = applyEvent(before, event)
    this.#change({ view })
    if (this.#isRecordWanted && isFinal(view.state) && !isFinal(before.state)) this.#fetchRecord()
  }

  /** A run without a record is shown without one: `status` and `error` come from following alone. */
  #fetchRecord(): void {
    if (this.#isRecordAsked) return
    this.#isRecordAsked = true
    this.#client.get(this.#runId, { signal: this.#leave.signal }).then(
      (run) => this.#unlessLeft(() => this.#takeRecord(run)),
      () => this.#unlessLeft(() => this.#takeRecord(null)),
    )
  }

  #takeRecord(run: Run | null): void {
    this.#isRecordAsked = false
    if (run !== null) this.#change({ run })
    this.#kind ??= run?.kind ?? (this.#held.length > 0 ? 'external' : undefined)
    const held = this.#held
    this.#held = []
    for (const event of held) this.#take(event)
    const isBehind =
      run !== null && !isFinal(run.state) && this.#next.view !== null && isFinal(this.#next.view.state)
    if (this.#isRecordWanted && isBehind) this.#fetchRecord()
  }

  #change(changed: Partial<RunSnapshot>): void {
    const names = Object.keys(changed) as (keyof RunSnapshot)[]
    if (names.every((name) => changed[name] === this.#next[name])) return
    this.#next = { ...this.#next, ...changed }
    this.#cancelFlush ??= this.#settings.schedule(() => {
      this.#cancelFlush = null
      this.snapshot = this.#next
      this.#publish()
    })
  }
}

/** The first event of every log names the kind of its run. */
function kindIn({ type, data }: ViewEvent): RunKind | undefined {
  if (type !== lifecycleTypes.queued) return undefined
  const { kind } = (data ?? {}) as { kind?: unknown }
  return runKinds.find((one) => one === kind)
}
