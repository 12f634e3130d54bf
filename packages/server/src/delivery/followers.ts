/**
 * The open streams of this node.
 *
 * Owns the set of followers: each is in it from its first write until its response is over, the time
 * its end is still on the way to the client included.
 */
import type { Follower } from './follower.ts'

export interface FollowerStats {
  /** Open streams, including those whose end is still on its way to the client. */
  followers: number
  /** Streams whose client does not take what was sent. */
  stalled: number
  /** Streams whose cursor is behind the head of their log. */
  behind: number
  /** How many events the median stream is behind the head of its log. */
  lagMedian: number
  /** How many events the furthest stream is behind the head of its log. */
  lagMax: number
}

export class Followers {
  readonly #all = new Set<Follower>()

  add(follower: Follower): void {
    this.#all.add(follower)
    void follower.closed.then(() => this.#all.delete(follower))
  }

  /** Sends each what its log has, then ends it; resolves when all are over. */
  async drain(): Promise<void> {
    const all = [...this.#all]
    for (const follower of all) follower.drain()
    await Promise.all(all.map((follower) => follower.closed))
  }

  /** Tells each that its log has another history, and ends it; resolves when all are over. */
  async startOver(): Promise<void> {
    const all = [...this.#all]
    for (const follower of all) follower.startOver()
    await Promise.all(all.map((follower) => follower.closed))
  }

  /** Ends everything at once; resolves when all are over. */
  async destroy(): Promise<void> {
    const all = [...this.#all]
    for (const follower of all) follower.destroy()
    await Promise.all(all.map((follower) => follower.closed))
  }

  /** Examines every follower: for a scrape, not for a hot path. */
  stats(): FollowerStats {
    let stalled = 0
    let behind = 0
    let index = 0
    const lags = new Uint32Array(this.#all.size)
    for (const follower of this.#all) {
      const { lag } = follower
      if (follower.stalledSince !== null) stalled += 1
      if (lag > 0) behind += 1
      lags[index++] = lag
    }
    lags.sort()
    return {
      followers: this.#all.size,
      stalled,
      behind,
      lagMedian: lags[lags.length >> 1] ?? 0,
      lagMax: lags.at(-1) ?? 0,
    }
  }
}
