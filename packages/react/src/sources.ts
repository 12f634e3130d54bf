/** The runs that a page follows: one source for each, however many components show it. */
import type { Client } from '@millrace/client'
import { notYet, type RunSnapshot, RunSource } from './run-source.ts'
import type { Scheduler } from './scheduler.ts'

export class Sources {
  readonly client: Client
  readonly #schedule: Scheduler
  readonly #open = new Map<string, RunSource>()

  constructor(client: Client, schedule: Scheduler) {
    this.client = client
    this.#schedule = schedule
  }

  /** How many runs are followed. */
  get size(): number {
    return this.#open.size
  }

  /** Follows the run. Returns what ends the subscription. */
  subscribe(runId: string, listener: () => void): () => void {
    let source = this.#open.get(runId)
    if (source === undefined) {
      source = this.#create(runId)
      this.#open.set(runId, source)
    }
    return source.subscribe(listener)
  }

  /** Looks, without following. */
  snapshot(runId: string): RunSnapshot {
    return this.#open.get(runId)?.snapshot ?? notYet
  }

  retry(runId: string): void {
    this.#open.get(runId)?.retry()
  }

  #create(runId: string): RunSource {
    const source: RunSource = new RunSource({
      client: this.client,
      runId,
      schedule: this.#schedule,
      onIdle: () => {
        if (this.#open.get(runId) === source) this.#open.delete(runId)
      },
    })
    return source
  }
}
