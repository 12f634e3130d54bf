/**
 * Holds: places where a reply waits for the test. `reached` resolves when a reply waits there, and
 * `release` lets one delta pass. Permits given before a reply arrives are kept for it.
 *
 * The server owns them. A reply whose client has left stops waiting through its signal.
 */
export interface Holds {
  /** Waits for a permit. Rejects when `signal` is aborted. */
  wait(name: string, signal: AbortSignal): Promise<void>
  /** Resolves once `name` has been reached this many times since the start. */
  reached(name: string, times: number): Promise<void>
  /** Grants permits; `Infinity` opens the hold for good. */
  release(name: string, permits: number): void
}

interface Hold {
  permits: number
  arrivals: number
  waiting: Set<() => void>
  watchers: Set<{ times: number; resolve: () => void }>
}

export function createHolds(): Holds {
  const holds = new Map<string, Hold>()
  const get = (name: string): Hold => {
    const hold = holds.get(name) ?? { permits: 0, arrivals: 0, waiting: new Set(), watchers: new Set() }
    holds.set(name, hold)
    return hold
  }

  return {
    wait(name, signal) {
      const hold = get(name)
      hold.arrivals += 1
      for (const watcher of [...hold.watchers]) {
        if (hold.arrivals < watcher.times) continue
        hold.watchers.delete(watcher)
        watcher.resolve()
      }
      if (hold.permits > 0) {
        hold.permits -= 1
        return Promise.resolve()
      }
      return new Promise((resolve, reject) => {
        const leave = () => {
          hold.waiting.delete(go)
          reject(signal.reason)
        }
        const go = () => {
          signal.removeEventListener('abort', leave)
          resolve()
        }
        hold.waiting.add(go)
        if (signal.aborted) leave()
        else signal.addEventListener('abort', leave, { once: true })
      })
    },

    reached(name, times) {
      const hold = get(name)
      if (hold.arrivals >= times) return Promise.resolve()
      return new Promise((resolve) => hold.watchers.add({ times, resolve }))
    },

    release(name, permits) {
      const hold = get(name)
      hold.permits += permits
      for (const go of [...hold.waiting]) {
        if (hold.permits < 1) return
        hold.permits -= 1
        hold.waiting.delete(go)
        go()
      }
    },
  }
}
