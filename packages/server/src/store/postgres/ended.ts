import { setTimeout as wait } from 'node:timers/promises'

const lastWordsMs = 1000

/** Why a store is over: nothing is tried again after one of these. */
export class Ended extends Error {}

/** Another node has taken over what this one worked on. */
export class NodeLost extends Ended {
  constructor() {
    super('this node did not renew its lease in time, and other nodes took over its runs')
  }
}

/** The database was restored, or a standby took its place that may lack its newest commits. */
export class HistoryChanged extends Ended {
  constructor() {
    super('the database has another history than before: it was restored, or a standby took its place')
  }
}

/** What is to be done before a store fails because its history has changed. */
export class LastWords {
  readonly #listeners = new Set<() => Promise<void>>()

  /** Returns what removes the listener. */
  add(listener: () => Promise<void>): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves when the store may fail for this reason. Calls each listener once. */
  async before(error: Ended): Promise<void> {
    if (!(error instanceof HistoryChanged)) return
    const said = [...this.#listeners].map((listener) => listener())
    this.#listeners.clear()
    await Promise.race([Promise.allSettled(said), wait(lastWordsMs)])
  }
}

export class StoreClosed extends Ended {
  constructor() {
    super('the store is closed')
  }
}
