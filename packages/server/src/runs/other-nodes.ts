/**
 * What a node does about the others that share its store: ends its runs whose end was requested elsewhere, and closes runs
 * that a dead node has left.
 *
 * Owns two timers, and which runs seemed to belong to nobody when it last looked without a hint. Invariants: a commit of another node is only
 * a hint to look; the next look finds what a lost hint failed to tell. A run that this node took over, and could not close,
 * is found again by the same look, since its end is requested and nobody here works on it.
 */
import type { EndCause } from '@millrace/protocol'
import type { Commit, CommitFeed, SharedStore } from '#store/store'
import type { Clock } from '#time/clock'
import { closeRuns, type RecoveryParts } from './recovery.ts'

export interface OtherNodesParts extends Omit<RecoveryParts, 'store'> {
  store: RecoveryParts['store'] & CommitFeed
  shared: SharedStore
  /** Ends a run of this node, if it is active here. Returns whether it is. */
  end: (id: string, cause: EndCause) => boolean
  isActive: (id: string) => boolean
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
  /** A hint arrived that the look under way may have been too early for. */
  #again = false
  #stopped = false
  #failing = false

  constructor(parts: OtherNodesParts) {
    this.#parts = parts
  }

  start(): void {
    this.#stops.push(
      this.#parts.store.onCommit((commit) => {
        if (this.#mayBeAnEnd(commit)) void this.#lookAtHint()
      }),
    )
    this.#every(lookMs, () => this.#safely(() => this.#lookAnyway()))
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

  /** A run whose claim is on its way to this node is not active here yet. */
  #mayBeAnEnd({ elsewhere, change, state, runId }: Commit): boolean {
    return elsewhere === true && change === 'updated' && (state === 'starting' || this.#parts.isActive(runId))
  }

  /** One at a time: what is hinted meanwhile is found by one more. */
  #lookAtHint(): Promise<void> {
    if (this.#looking !== null) this.#again = true
    this.#looking ??= this.#lookWhileHinted().finally(() => {
      this.#looking = null
    })
    return this.#looking
  }

  async #lookWhileHinted(): Promise<void> {
    do {
      this.#again = false
      await this.#safely(async () => void (await this.#endRequested()))
    } while (this.#again && !this.#stopped)
  }

  async #lookAnyway(): Promise<void> {
    const before = this.#unknown
    this.#unknown = new Set(await this.#endRequested())
    for (const id of this.#unknown) {
      // Its claim may be on its way to this node; the second time, a while later, it is not.
      if (before.has(id)) await this.#close(await this.#parts.store.getRun(id))
    }
  }

  /** Ends what is to end here; returns which runs of this node are to end, and nobody here works on. */
  async #endRequested(): Promise<string[]> {
    const { shared, end } = this.#parts
    const requested = await shared.endsRequested()
    return requested.filter(({ id, cause }) => !end(id, cause)).map(({ id }) => id)
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
