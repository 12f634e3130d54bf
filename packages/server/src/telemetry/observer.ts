/** Passes the writes of a server's store on to its metrics and its log. */
import type { Logger } from 'pino'
import type { Metrics } from './metrics.ts'
import type { WriteObserver } from './observed-store.ts'
import { logRuns } from './run-log.ts'

export function writeObserver({ runs, store }: Metrics, log: Logger): WriteObserver {
  const lines = logRuns(log)
  return {
    committed: (seconds) => store.committed(seconds),
    appended: (events, bytes) => store.appended(events, bytes),
    queued: (run) => {
      runs.queued(run)
      lines.queued(run)
    },
    started: (run) => {
      runs.started(run)
      lines.started(run)
    },
    ended: (run) => {
      runs.ended(run)
      lines.ended(run)
    },
    overQuota: (action) => store.overQuota(action),
  }
}
