/**
 * Runs whose agent needs no process while people think.
 *
 * Invariants: a run is parked by the attempt that works on it, and belongs to no node from then on; it is ready once no
 * question of it is open, or a message is to cut its turn; only a ready run is claimed again; a run that was woken and
 * whose call has not begun can be parked again, so that a crash in between neither loses the call nor repeats it.
 */
import type { MessageMode } from '@millrace/protocol'
import { fence } from './fence.ts'
import { isRefusal, type Refusal, refusal } from './refusal.ts'
import type { RunFacts, RunRow } from './rows.ts'

type Facts = Pick<RunFacts, 'closed' | 'attempt' | 'state' | 'cause' | 'parked'>

export type ParkedRow = Pick<RunRow, 'parked' | 'node' | 'pid' | 'processStart'>

/** Null: the run is to end, which the attempt that works on it has to bring about. */
export function park<Run extends Facts>(
  run: Run | undefined,
  attempt: number,
  { openApprovals, undelivered }: { openApprovals: number; undelivered: readonly { mode: MessageMode }[] },
): { run: Run; change: ParkedRow } | Refusal | null {
  const own = fence(run, attempt)
  if (isRefusal(own)) return own
  if (own.cause !== null) return null
  if (own.state !== 'running') return refusal('stale_attempt', `A ${own.state} run cannot be parked`)
  const waits = openApprovals > 0 && !undelivered.some(({ mode }) => mode === 'interrupt')
  return {
    run: own,
    change: { parked: waits ? 'waiting' : 'ready', node: null, pid: null, processStart: null },
  }
}

/** Nobody works on it, and nobody is to: it waits for people. */
export function isIdle({ parked }: Pick<RunFacts, 'parked'>): boolean {
  return parked === 'waiting' || parked === 'ready'
}

export function isReady({ parked, cause }: Pick<RunFacts, 'parked' | 'cause'>): boolean {
  return parked === 'ready' && cause === null
}

/** What an answer makes of a run, or a message that cuts its turn. Null: nothing. */
export function readied({ parked }: Pick<RunFacts, 'parked'>): Pick<RunRow, 'parked'> | null {
  return parked === 'waiting' ? { parked: 'ready' } : null
}

/** The call that was asked about begins, or is refused. Null: that is known. */
export function wake<Run extends Facts>(
  run: Run | undefined,
  attempt: number,
): { run: Run; change: Pick<RunRow, 'parked'> | null } | Refusal {
  const own = fence(run, attempt)
  if (isRefusal(own)) return own
  return { run: own, change: own.parked === null ? null : { parked: null } }
}
