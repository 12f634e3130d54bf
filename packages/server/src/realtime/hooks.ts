/** Calls an embedding program for its runs, without HTTP: see `EmbeddedRealtime`. */
import { messageOf, type Run } from '@millrace/protocol'
import type { RunChange } from './run-changes.ts'

export type RunListener = (run: Run) => unknown
export type RunHook = 'created' | 'updated' | 'finished'

/** Outlives a stop: its listeners are called for runs of the next start too. */
export class RunHooks {
  readonly #listeners: Record<RunHook, Set<RunListener>> = {
    created: new Set(),
    updated: new Set(),
    finished: new Set(),
  }

  /** True when anybody listens. */
  get wanted(): boolean {
    return Object.values(this.#listeners).some(({ size }) => size > 0)
  }

  /** Returns what removes the listener. */
  on(hook: RunHook, listener: RunListener): () => void {
    // The same function may be added twice and removed once.
    const own: RunListener = (run) => listener(run)
    this.#listeners[hook].add(own)
    return () => this.#listeners[hook].delete(own)
  }

  call({ action, run, finished }: RunChange, onFailure: (message: string) => void): void {
    if (action === 'create') this.#callEach('created', run, onFailure)
    else if (action === 'update' && !finished) this.#callEach('updated', run, onFailure)
    if (finished) this.#callEach('finished', run, onFailure)
  }

  /** A listener that fails is the program's own affair, and no reason to skip the others. */
  #callEach(hook: RunHook, run: Run, onFailure: (message: string) => void): void {
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
