/**
 * What makes up for lost hints of other nodes, of a store that nodes share: a look at how far the followed logs have got,
 * every second, and at everything once hints may have been lost. The hints themselves come with the store's commits.
 */
import type { SharedStore } from '#store/store'
import type { Clock } from '#time/clock'
import type { WakeupSource } from './wakeups.ts'

const lookMs = 1000
/** Logs in one read. */
const logsMax = 1000

export function sharedWakeups(
  shared: Pick<SharedStore, 'heads' | 'onGap' | 'follow' | 'unfollow'>,
  after: Clock['after'],
): WakeupSource {
  return {
    followed: (runId) => shared.follow(runId),
    unfollowed: (runId) => shared.unfollow(runId),
    open(sink) {
      let stopped = false
      let cancel = () => {}
      const stopGaps = shared.onGap(() => sink.gap())

      async function look(): Promise<void> {
        const ids = sink.followed()
        for (let from = 0; from < ids.length && !stopped; from += logsMax) {
          const asked = ids.slice(from, from + logsMax)
          const found = new Map((await shared.heads(asked)).map((log) => [log.id, log]))
          for (const runId of asked) {
            const { head = 0, closed = false } = found.get(runId) ?? {}
            sink.wake({ runId, head, closed, deleted: !found.has(runId), events: [] })
          }
        }
      }

      function lookLater(): void {
        cancel = after(lookMs, async () => {
          // A database that is away is asked again; its return is a gap.
          await look().catch(() => {})
          if (!stopped) lookLater()
        })
      }
      lookLater()
      return () => {
        stopped = true
        cancel()
        stopGaps()
      }
    },
  }
}
