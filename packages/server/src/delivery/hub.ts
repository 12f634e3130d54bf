/**
 * Hands the store's hints to whoever follows a run.
 *
 * Owns the one subscription to the store and the listeners of each run. A hint says "run R has
 * reached event N"; one that is lost delays an event and never loses it.
 */
import type { CommitHint, DeliverySource } from './source.ts'

export type HintListener = (hint: CommitHint) => void

export class Hub {
  readonly #listeners = new Map<string, Set<HintListener>>()
  readonly #release: () => void

  constructor(source: Pick<DeliverySource, 'onCommit'>) {
    this.#release = source.onCommit((hint) => {
      const listeners = this.#listeners.get(hint.runId)
      if (listeners !== undefined) for (const listener of listeners) listener(hint)
    })
  }

  /** Returns what ends the listening. */
  listen(runId: string, listener: HintListener): () => void {
    const listeners = this.#listeners.get(runId) ?? new Set()
    this.#listeners.set(runId, listeners)
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0 && this.#listeners.get(runId) === listeners) this.#listeners.delete(runId)
    }
  }

  close(): void {
    this.#release()
    this.#listeners.clear()
  }
}
