/** Which run is taken from the queue, and which runs count as taken. */
import { isIdle, isReady } from './park.ts'
import type { RunFacts, RunRow } from './rows.ts'

type Waiting = Pick<RunFacts, 'state' | 'cause' | 'attempt' | 'parked'>

export type Claimed = Pick<RunRow, 'state' | 'attempt' | 'node' | 'pid' | 'processStart' | 'parked'>

/** A queued run whose end was requested is no longer started. */
export function isWaiting({ state, cause }: Pick<RunFacts, 'state' | 'cause'>): boolean {
  return state === 'queued' && cause === null
}

export function isActive({ state }: Pick<RunFacts, 'state'>): boolean {
  return state === 'starting' || state === 'running'
}

/**
 * A run to be brought to an end after a crash, or to be parked again. One with a lease is not: nobody here works on it, and
 * its producer may still be there. Nor is one that waits for people.
 */
export function isToBeEnded(
  run: Pick<RunFacts, 'state' | 'cause' | 'parked'> & Pick<RunRow, 'leaseUntil'>,
): boolean {
  if (run.cause !== null) return isActive(run) || run.state === 'queued'
  return isActive(run) && run.leaseUntil === null && !isIdle(run)
}

/**
 * Claims the oldest run of a kind that is ready again, or else the oldest that waits, while fewer than `limit` of the kind
 * are active on the node. Null: none may start. The attempt that begins has no process yet.
 */
export function claim(
  oldest: Waiting | undefined,
  { active, limit, node }: { active: number; limit: number; node: string },
): Claimed | null {
  if (active >= limit || oldest === undefined) return null
  const begun = { attempt: oldest.attempt + 1, node, pid: null, processStart: null }
  if (isReady(oldest)) return { ...begun, state: oldest.state, parked: 'woken' }
  return isWaiting(oldest) ? { ...begun, state: 'starting', parked: null } : null
}
