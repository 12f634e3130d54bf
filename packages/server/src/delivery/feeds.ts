/**
 * The feeds of this node, one per followed run.
 *
 * Owns them by counting who uses each: the first user opens a feed, the last one closes it.
 */
import { Feed, type FeedParts } from './feed.ts'

export class Feeds {
  readonly #parts: FeedParts
  readonly #open = new Map<string, { feed: Feed; users: number }>()

  constructor(parts: FeedParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#open.size
  }

  /** `release` may be called more than once. */
  acquire(runId: string): { feed: Feed; release: () => void } {
    const entry = this.#open.get(runId) ?? { feed: new Feed(runId, this.#parts), users: 0 }
    this.#open.set(runId, entry)
    entry.users += 1
    let held = true
    const release = () => {
      if (!held) return
      held = false
      entry.users -= 1
      if (entry.users > 0) return
      this.#open.delete(runId)
      entry.feed.close()
    }
    return { feed: entry.feed, release }
  }

  /** Reads every head afresh. */
  async recheck(): Promise<void> {
    await Promise.all([...this.#open.values()].map(({ feed }) => feed.recheck()))
  }
}
