/**
 * Questions to people.
 *
 * Invariant: a question has one `permission:requested` event and at most one `permission:resolved`, and
 * exactly one once its run is over. The row decides: its answer is set once, together with the event.
 */
import type { PermissionResolvedEvent, permissionTypes } from '@millrace/protocol'
import { fence } from './fence.ts'
import { isRefusal, type Refusal, refusal, unknownRun } from './refusal.ts'
import type { RunFacts } from './rows.ts'

/** Not the protocol's value: rules run in threads that load none of it. */
const resolvedType: typeof permissionTypes.resolved = 'permission:resolved'

/** The answer and its event of a question that nobody answered in time. */
export interface Withdrawal {
  approval: string
  /** JSON: what the row keeps, and the data of the event. */
  answer: string
  type: typeof permissionTypes.resolved
}

/** Returns the run if the question may be put to people; `taken`: it has one of this id. */
export function ask<Run extends Pick<RunFacts, 'closed' | 'attempt'>>(
  run: Run | undefined,
  attempt: number,
  { id, taken }: { id: string; taken: boolean },
): Run | Refusal {
  const own = fence(run, attempt)
  if (!isRefusal(own) && taken) return refusal('internal', `There is an approval ${id} already`)
  return own
}

/**
 * Returns the run if the answer counts. Neither an attempt nor an open run is asked for: a question that
 * is open has an open run, since the end withdraws what is left.
 */
export function answer<Run extends object>(
  run: Run | undefined,
  approval: { answer: unknown } | undefined,
): Run | Refusal {
  if (run === undefined) return unknownRun()
  if (approval === undefined) return refusal('not_found', 'There is no such approval')
  if (approval.answer !== null) return refusal('already_answered', 'The approval is already answered')
  return run
}

export function withdraw(approval: string): Withdrawal {
  const data: PermissionResolvedEvent = { approvalId: approval, decision: 'deny', by: 'withdrawn' }
  return { approval, answer: JSON.stringify(data), type: resolvedType }
}
