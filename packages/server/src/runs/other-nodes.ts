/**
 * What a node does about the others that share its store: ends its runs whose end was requested elsewhere, and closes runs
 * that a dead node has left.
 *
 * Owns two timers, and which runs seemed to belong to nobody at the last look. Invariants: a commit of another node is only
 * a hint to look; the next look finds what a lost hint failed to tell. A run that this node took over, and could not close,
 * is found again by the same look, since its end is requested and nobody here works on it.
 */
import type { EndCause } from '@millrace/protocol'
import type { CommitFeed, SharedStore } from '#store/store'
import type { Clock } from '#time/clock'
import { closeRuns, type RecoveryParts } from './recovery.ts'

export interface OtherNodesParts extends Omit<RecoveryParts, 'store'> {
  store: RecoveryParts['store'] & CommitFeed
  shared: SharedStore
  /** Ends a run of this node, if it is active here. Returns whether it is. */
  end: (id: string, cause: EndCause) => boolean
  after: Clock['after']
}

/** A lost hint of another node delays by this much. */
export const lookMs = 1000
const adoptMs = 1000

export class OtherNodes {
  readonly #parts: OtherNodesParts
  readonly #stops: (() => void)[] = []
  #unknown = new Set<string>()
  #looking: Promise<void> | null = null
  #stopped = false
  #failing = false

  constructor(parts: OtherNodesParts) {
    this.#parts = parts
  }

  start(): void {
    this.#stops.push(
      this.#parts.store.onCommit(({ elsewhere, change }) => {
        if (elsewhere && change === 'updated') void this.#look()
      }),
    )
    this.#every(lookMs, () => this.#look())
    this.#every(adoptMs, () => this.#adopt())
  }

  stop(): void {
    this.#stopped = true
    for (const stop of this.#stops.splice(0)) stop()
  }

  #every(ms: number, work: () => Promise<void>): void {
    const cancel = this.#parts.after(ms, async () => {
      this.#stops.splice(this.#stops.indexOf(cancel), 1)
      await work()
      if (!this.#stopped) this.#every(ms, work)
    })
    this.#stops.push(cancel)
  }

  /** One look at a time: what is hinted meanwhile is found by it or by the next. */
  #look(): Promise<void> {
    this.#looking ??= this.#safely(() => this.#endRequested()).finally(() => {
      this.#looking = null
    })
    return this.#looking
  }

  async #endRequested(): Promise<void> {
    const { shared, end, store } = this.#parts
    const before = this.#unknown
    this.#unknown = new Set()
    for (const { id, cause } of await shared.endsRequested()) {
      if (end(id, cause)) continue
      // Its claim may be on its way to this node; the second time it is not.
      if (!before.has(id)) this.#unknown.add(id)
      else await this.#close(await store.getRun(id))
    }
  }

  #adopt(): Promise<void> {
    return this.#safely(async () => {
      const left = await this.#parts.shared.adopt()
      if (left.length === 0 || this.#stopped) return
      await closeRuns(left, this.#parts)
      this.#parts.log.warn({ runs: left.length }, 'runs that a dead node had left were closed')
    })
  }

  async #close(run: Awaited<ReturnType<RecoveryParts['store']['getRun']>>): Promise<void> {
    if (run !== null && !this.#stopped) await closeRuns([run], this.#parts)
  }

  async #safely(work: () => Promise<void>): Promise<void> {
    if (this.#stopped) return
    try {
      await work()
      this.#failing = false
    } catch (error) {
      if (!this.#failing && !this.#stopped) {
        this.#parts.log.warn({ err: error }, 'the runs of other nodes cannot be looked at; trying again')
      }
      this.#failing = true
    }
  }
}
