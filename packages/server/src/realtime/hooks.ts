/** What an embedding program is told of runs, without HTTP: see `EmbeddedRealtime`. */
import { messageOf, type Run } from '@millrace/protocol'
import type { RunChange } from './run-changes.ts'

export type RunListener = (run: Run) => unknown
export type RunHook = 'created' | 'updated' | 'finished'

/** Outlives a stop: who listens is told of the next start's runs too. */
export class RunHooks {
  readonly #listeners: Record<RunHook, Set<RunListener>> = {
    created: new Set(),
    updated: new Set(),
    finished: new Set(),
  }

  get wanted(): boolean {
    return Object.values(this.#listeners).some(({ size }) => size > 0)
  }

  /** Returns what ends the listening. */
  on(hook: RunHook, listener: RunListener): () => void {
    // A function may be given twice, and be ended once.
    const own: RunListener = (run) => listener(run)
    this.#listeners[hook].add(own)
    return () => this.#listeners[hook].delete(own)
  }

  tell({ action, run, finished }: RunChange, onFailure: (message: string) => void): void {
    if (action === 'create') this.#call('created', run, onFailure)
    else if (action === 'update' && !finished) this.#call('updated', run, onFailure)
    if (finished) this.#call('finished', run, onFailure)
  }

  /** A listener that fails is the program's affair, and no reason for others not to be told. */
  #call(hook: RunHook, run: Run, onFailure: (message: string) => void): void {
    for (const listener of this.#listeners[hook]) {
      try {
        const result = listener(run)
        if (result instanceof Promise) result.catch((error: unknown) => onFailure(messageOf(error)))
      } catch (error) {
        onFailure(messageOf(error))
      }
    }
  }
}
