/**
 * Ends the runs of owners that take more room in the store than they may.
 *
 * Owns: which runs wrote since the last look, a timer while there are any, and which it is ending. The store counts, and refuses new runs by
 * itself; nothing here is a truth. Invariant: an owner whose runs write is looked at within `lookEveryMs`, so that what they
 * write beyond the limit is bounded by what they can write in that time.
 */
import { messageOf } from '@millrace/protocol'
import type { Logger } from 'pino'
import { EndRequest } from '#runners/runner'
import { quotaMessage, type RoomStore } from '#store/store'
import type { Clock } from '#time/clock'

export interface OwnerQuotaParts {
  store: Pick<RoomStore, 'ownerBytes'>
  /** What the runs of one owner may take. Absent: any number of bytes. */
  ownerBytesMax?: number | undefined
  end: (runId: string, request: EndRequest) => Promise<unknown>
  after: Clock['after']
  log: Pick<Logger, 'warn'>
}

const lookEveryMs = 1000

export class OwnerQuota {
  readonly #parts: OwnerQuotaParts
  readonly #writers = new Map<string, Set<string>>()
  readonly #ending = new Set<string>()
  #cancelLook: (() => void) | null = null
  #stopped = false

  constructor(parts: OwnerQuotaParts) {
    this.#parts = parts
  }

  /** Notes that a run writes: cheap, since every write comes here. */
  wrote({ id, owner }: { id: string; owner: string }): void {
    if (this.#parts.ownerBytesMax === undefined || this.#stopped) return
    const runs = this.#writers.get(owner)
    if (runs !== undefined) runs.add(id)
    else this.#writers.set(owner, new Set([id]))
    this.#cancelLook ??= this.#parts.after(lookEveryMs, () => this.#look())
  }

  stop(): void {
    this.#stopped = true
    this.#cancelLook?.()
  }

  #look(): void {
    const writers = [...this.#writers]
    this.#writers.clear()
    this.#cancelLook = null
    for (const [owner, written] of writers) {
      const runs = [...written].filter((id) => !this.#ending.has(id))
      if (runs.length > 0) void this.#judge(owner, runs)
    }
  }

  async #judge(owner: string, runs: readonly string[]): Promise<void> {
    const { store, ownerBytesMax = Number.POSITIVE_INFINITY, end, log } = this.#parts
    try {
      const bytes = await store.ownerBytes(owner)
      if (bytes < ownerBytesMax || this.#stopped) return
      const request = new EndRequest('quota', quotaMessage(owner, bytes, ownerBytesMax))
      log.warn({ owner, bytes, ownerBytesMax, runs }, 'runs are ended: their owner takes more than the quota')
      for (const id of runs) this.#ending.add(id)
      await Promise.all(runs.map((id) => end(id, request)))
    } catch (error) {
      // They write again, or need no end.
      log.warn({ owner, err: error }, `the quota of an owner could not be kept: ${messageOf(error)}`)
    } finally {
      for (const id of runs) this.#ending.delete(id)
    }
  }
}
