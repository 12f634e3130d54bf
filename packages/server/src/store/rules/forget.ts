/** What is forgotten: beginnings of logs, runs that are over, and what a retention rule takes. */
import type { Expendable, RetentionRule } from '#store/store'
import { type Refusal, refusal } from './refusal.ts'
import type { RunFacts, RunRow } from './rows.ts'

type Log = Pick<RunFacts, 'head' | 'firstSeq'>

function keptEvents({ head, firstSeq }: Log): number {
  return head + 1 - firstSeq
}

/** Drops the events through a `seq`. The head stays, and what is gone does not come back. */
export function prune(run: Log, through: number): { firstSeq: number; events: number } {
  const firstSeq = Math.max(run.firstSeq, Math.min(through, run.head) + 1)
  return { firstSeq, events: firstSeq - run.firstSeq }
}

/** Deletes a run that is over. The counts keep it; its idempotency key is free again. */
export function deleteRun(run: Log & Pick<RunFacts, 'closed'>): { events: number } | Refusal {
  return run.closed ? { events: keptEvents(run) } : refusal('run_open', 'The run is not over')
}

/** What a retention rule takes of a run; null: nothing. */
export function expendable(
  run: Log & Pick<RunRow, 'id' | 'closed' | 'finishedAt'>,
  { finishedBefore, events }: RetentionRule,
): Expendable | null {
  const isOld = finishedBefore !== null && run.finishedAt !== null && run.finishedAt < finishedBefore
  if (run.closed && isOld) return { runId: run.id, throughSeq: null, events: keptEvents(run) }
  const excess = events === null ? 0 : keptEvents(run) - keptAtLeast(events)
  return excess > 0 ? { runId: run.id, throughSeq: run.firstSeq - 1 + excess, events: excess } : null
}

/** A log keeps one event at least: its last one says how the run stands. */
export function keptAtLeast(events: number): number {
  return Math.max(1, events)
}
