/** The plan of an execution as its agent last gave it, with at most one phase at work. */
import type { Plan, PlanPhase } from '@millrace/protocol'

/** What a new plan changes. */
export interface PlanChange {
  plan: Plan
  /** Null: nothing that the beginnings and ends of phases do not say. */
  event: 'plan:created' | 'plan:updated' | null
  /** How the phase at work ends; null: it stays. */
  leaves: 'complete' | 'incomplete' | null
  /** The phase that begins. */
  enters: PlanPhase | null
}

/**
 * Compares a plan with the one before. `atWork` is the phase at work, if any, and `implicit` whether that is the phase
 * of an agent that had no plan.
 */
export function changeOf(
  given: { goal: string; phases: readonly PlanPhase[] },
  before: Plan | null,
  { atWork, implicit }: { atWork: string | null; implicit: boolean },
): PlanChange {
  const phases = distinct(given.phases)
  const current = phases.find(({ id }) => id === atWork)
  const stays = atWork !== null && current?.status === 'active'
  const enters = stays ? null : (phases.find(({ status }) => status === 'active') ?? null)
  const active = stays ? atWork : enters?.id
  const plan: Plan = {
    goal: given.goal,
    phases: phases.map((phase) =>
      phase.status === 'active' && phase.id !== active ? { ...phase, status: 'pending' } : phase,
    ),
  }
  const leaves =
    atWork === null || stays ? null : implicit || current?.status === 'complete' ? 'complete' : 'incomplete'
  return { plan, event: eventOf(plan, before, { atWork, leaves, enters }), leaves, enters }
}

/** Returns the plan with a phase in another state. */
export function withStatus(plan: Plan, id: string, status: PlanPhase['status']): Plan {
  return { ...plan, phases: plan.phases.map((phase) => (phase.id === id ? { ...phase, status } : phase)) }
}

function eventOf(
  plan: Plan,
  before: Plan | null,
  { atWork, leaves, enters }: Pick<PlanChange, 'leaves' | 'enters'> & { atWork: string | null },
): PlanChange['event'] {
  if (before === null) return 'plan:created'
  const left = leaves === null || atWork === null ? before : withStatus(before, atWork, leaves)
  const told = enters === null ? left : withStatus(left, enters.id, 'active')
  return JSON.stringify(told) === JSON.stringify(plan) ? null : 'plan:updated'
}

/** Of phases with one id, the first counts. Only the fields of a phase are kept. */
function distinct(phases: readonly PlanPhase[]): PlanPhase[] {
  const known = new Map<string, PlanPhase>()
  for (const { id, name, status } of phases) if (!known.has(id)) known.set(id, { id, name, status })
  return [...known.values()]
}
