/** What happens to a run between its claim and its end. */
import type { EndCause } from '@millrace/protocol'
import { fence } from './fence.ts'
import { isRefusal, type Refusal, refusal } from './refusal.ts'
import type { RunFacts, RunRow } from './rows.ts'

/** starting → running; any other state has no such step. */
export function markRunning<Run extends Pick<RunFacts, 'closed' | 'attempt' | 'state'>>(
  run: Run | undefined,
  attempt: number,
  at: number,
): { run: Run; change: Pick<RunRow, 'state' | 'startedAt'> } | Refusal {
  const own = fence(run, attempt)
  if (isRefusal(own)) return own
  if (own.state !== 'starting') {
    return refusal('stale_attempt', `A ${own.state} run cannot become running`)
  }
  return { run: own, change: { state: 'running', startedAt: at } }
}

/** The first cause of ending wins, and a run that is over takes none. Null: nothing changes. */
export function requestEnd(
  run: Pick<RunFacts, 'closed' | 'cause'>,
  cause: EndCause,
): Pick<RunRow, 'cause'> | null {
  return run.closed || run.cause !== null ? null : { cause }
}
