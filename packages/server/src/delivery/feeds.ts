/**
 * The feeds of this node: one per followed run and dialect.
 *
 * Owns them by counting their users: the first user opens a feed, the last one closes it.
 */
import type { Dialect } from './dialect.ts'
import { Feed, type FeedParts } from './feed.ts'

interface Entry {
  feed: Feed
  users: number
}

export class Feeds {
  readonly #parts: FeedParts
  /** By run, and then by dialect: usually one. */
  readonly #open = new Map<string, Map<Dialect, Entry>>()
  #size = 0

  constructor(parts: FeedParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#size
  }

  /** `release` may be called more than once. */
  acquire(runId: string, dialect: Dialect): { feed: Feed; release: () => void } {
    const ofRun = this.#open.get(runId) ?? new Map<Dialect, Entry>()
    const entry = ofRun.get(dialect) ?? this.#openFeed(runId, dialect, ofRun)
    entry.users += 1
    let held = true
    const release = () => {
      if (!held) return
      held = false
      entry.users -= 1
      if (entry.users > 0) return
      ofRun.delete(dialect)
      if (ofRun.size === 0) this.#open.delete(runId)
      this.#size -= 1
      entry.feed.close()
    }
    return { feed: entry.feed, release }
  }

  /** Reads every head afresh. */
  async recheck(): Promise<void> {
    const feeds = [...this.#open.values()].flatMap((ofRun) => [...ofRun.values()])
    await Promise.all(feeds.map(({ feed }) => feed.recheck()))
  }

  #openFeed(runId: string, dialect: Dialect, ofRun: Map<Dialect, Entry>): Entry {
    const entry = { feed: new Feed(runId, dialect, this.#parts), users: 0 }
    ofRun.set(dialect, entry)
    this.#open.set(runId, ofRun)
    this.#size += 1
    return entry
  }
}
