/** The end of a run: final state, what it leaves, and what the counts take from it. */
import { type FinalState, outcomeOf } from '@millrace/protocol'
import { type Withdrawal, withdraw } from './approvals.ts'
import { fence } from './fence.ts'
import { isRefusal, type Refusal } from './refusal.ts'
import type { RunFacts, RunRow } from './rows.ts'

/** Sums over the runs of a kind that are over, deleted ones included. */
export interface Tally {
  completed: number
  failed: number
  /** Completed runs that started, and how long those took together. */
  timed: number
  durationMs: number
}

export interface Ending {
  state: FinalState
  at: number
  result: string | null
  error: string | null
  usage: string | null
  /** The end of a run for its silence: only if its lease ended before this time. Null: any other end. */
  silentBefore: number | null
  ownerBytesMax?: number | undefined
}

export interface Finished<Run> {
  run: Run
  change: Pick<
    RunRow,
    'state' | 'outcome' | 'closed' | 'finishedAt' | 'result' | 'error' | 'usage' | 'cause' | 'parked'
  >
  /** Open questions, oldest first: their events come before the terminal one. */
  withdrawn: Withdrawal[]
  tally: Tally
}

/**
 * `open`: ids of the questions that are open, oldest first. Null: the run was to end for its silence, and it is no
 * longer silent, or something else is ending it. Only here, where batches take effect one after the other, can that
 * be judged.
 */
export function finish<
  Run extends Pick<RunFacts, 'closed' | 'attempt' | 'cause'> &
    Pick<RunRow, 'kind' | 'startedAt' | 'leaseUntil'>,
>(
  run: Run | undefined,
  attempt: number,
  { state, at, result, error, usage, silentBefore }: Ending,
  open: readonly string[],
): Finished<Run> | Refusal | null {
  const own = fence(run, attempt)
  if (isRefusal(own)) return own
  if (silentBefore !== null && (own.cause !== null || !isSilent(own, silentBefore))) return null
  const outcome = outcomeOf(own.kind, state, result === null ? null : JSON.parse(result))
  return {
    run: own,
    change: {
      state,
      outcome,
      closed: true,
      finishedAt: at,
      result,
      error,
      usage,
      cause: silentBefore === null ? own.cause : 'crash',
      parked: null,
    },
    withdrawn: open.map(withdraw),
    tally: tallyOf(state, own.startedAt, at),
  }
}

/** Nothing was heard of its producer before its lease ended. */
export function isSilent(
  { closed, leaseUntil }: Pick<RunFacts, 'closed'> & Pick<RunRow, 'leaseUntil'>,
  before: number,
): boolean {
  return !closed && leaseUntil !== null && leaseUntil < before
}

function tallyOf(state: FinalState, startedAt: number | null, finishedAt: number): Tally {
  if (state !== 'completed') return { completed: 0, failed: 1, timed: 0, durationMs: 0 }
  if (startedAt === null) return { completed: 1, failed: 0, timed: 0, durationMs: 0 }
  return { completed: 1, failed: 0, timed: 1, durationMs: finishedAt - startedAt }
}

export function averageDurationMs({ timed, durationMs }: Pick<Tally, 'timed' | 'durationMs'>): number {
  return timed === 0 ? 0 : durationMs / timed
}
