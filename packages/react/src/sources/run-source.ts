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
import { type RecordAnswer, RecordReader } from './record-reader.ts'
import type { Schedule } from './schedule.ts'

/** `idle`: no run is followed. The others are those of `@millrace/client`. */
export type ConnectionStatus = 'idle' | FollowStatus

export interface RunSnapshot {
  /** Null until the first event has arrived. */
  readonly view: View | null
  /** Null until it has arrived; it is read where a component wants it, and again when the run ends. */
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

/** After this many failures to read the record, a log whose beginning was pruned is shown without its kind. */
const recordFailuresMax = 5

export class RunSource {
  /** What is shown. Replaced at a flush, never changed. */
  snapshot = connectingSnapshot
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
  readonly #record: RecordReader
  #isRecordWanted = false

  /** Follows at once. `kind` is what the reader expects; the log's own word for it counts more. */
  constructor(
    client: Client,
    runId: string,
    kind: RunKind | undefined,
    settings: SourceSettings,
    publish: () => void,
  ) {
    this.#kind = kind
    this.#settings = settings
    this.#publish = publish
    this.#record = new RecordReader(client, runId, settings.follow, (answer) => this.#takeRecord(answer))
    this.#following = client.follow(runId, {
      ...settings.follow,
      signal: this.#leave.signal,
      onEvent: (event) => this.#unlessLeft(() => this.#take(event as ViewEvent)),
      onReset: (reset) =>
        this.#unlessLeft(() => {
          this.#held = []
          const { view } = this.#next
          if (view !== null) this.#change({ view: resetView(view, reset) })
          // The log may be that of a restored backup, and the record then says what was.
          if (this.#next.run !== null) this.#record.ask()
        }),
      onStatus: (status, error) =>
        this.#unlessLeft(() => {
          this.#change({ status, error: error ?? null })
          if (status === 'open') this.#record.wake()
          if (status === 'failed') this.#record.rest()
        }),
    })
  }

  /** After `failed`: tries again from the last event. Reads the record again if that was refused or failed. */
  retry(): void {
    this.#following.retry()
    this.#record.retry()
  }

  /** Reads the run's record, and again when the run ends. */
  wantRecord(): void {
    if (this.#isRecordWanted) return
    this.#isRecordWanted = true
    this.#record.want()
  }

  close(): void {
    this.#cancelFlush?.()
    this.#cancelFlush = null
    this.#leave.abort()
    this.#record.close()
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
        if (this.#held.length === 1) this.#record.want()
        return
      }
    }
    const before = this.#next.view ?? newView(this.#kind as RunKind, this.#settings.bounds)
    const view = applyEvent(before, event)
    this.#change({ view })
    if (this.#isRecordWanted && !isFinal(before.state) && this.#isBehind()) this.#record.ask()
  }

  /** A run without a record is shown without one: `status` and `error` come from following alone. */
  #takeRecord(answer: RecordAnswer): boolean {
    if (answer.kind === 'read') {
      const { run } = answer
      this.#change({ run })
      this.#kind ??= run.kind
    } else if (answer.kind === 'refused' || answer.failures >= recordFailuresMax) {
      if (this.#held.length > 0) this.#kind ??= 'external'
    }
    if (this.#kind !== undefined) {
      const held = this.#held
      this.#held = []
      for (const event of held) this.#take(event)
    }
    if (answer.kind === 'read') return !this.#isRecordWanted || !this.#isBehind()
    return answer.kind === 'refused' || (!this.#isRecordWanted && this.#held.length === 0)
  }

  /** The log says that the run is over, and the record that was read last does not. */
  #isBehind(): boolean {
    const { view, run } = this.#next
    return view !== null && isFinal(view.state) && (run === null || !isFinal(run.state))
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
