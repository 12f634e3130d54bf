/** From the calls of the plan tool to plans whose phases keep their ids. */
import type { PlanPhase } from '@millrace/protocol'
import { type Fields, fieldsOf, textOf } from './fields.ts'

const phasesMax = 100
const nameCharsMax = 1000

/**
 * Owns: the ids of the phases seen so far. A phase is known by its name, whatever its place in the plan; a name that
 * stands twice in a plan is two phases.
 */
export class PlanReader {
  readonly #ids = new Map<string, string>()

  /** Returns the plan in an input of the tool; null if there is none. */
  read(input: unknown): { goal: string; phases: PlanPhase[] } | null {
    const { goal, phases } = fieldsOf(input)
    if (!Array.isArray(phases) || phases.length > phasesMax) return null
    const named = phases.map(fieldsOf).filter(({ name }) => textOf(name)?.trim())
    if (named.length === 0) return null
    const seen = new Map<string, number>()
    return { goal: textOf(goal) ?? '', phases: oneAtWork(named.map((phase) => this.#phaseOf(phase, seen))) }
  }

  #phaseOf({ name: given, status }: Fields, seen: Map<string, number>): PlanPhase {
    const name = String(given).trim().slice(0, nameCharsMax)
    const times = (seen.get(name) ?? 0) + 1
    seen.set(name, times)
    const key = JSON.stringify([name.toLowerCase(), times])
    const id = this.#ids.get(key) ?? `phase-${this.#ids.size + 1}`
    this.#ids.set(key, id)
    return { id, name, status: status === 'active' || status === 'complete' ? status : 'pending' }
  }
}

/** Of several phases at work the first counts; if none is, the first that is left. */
function oneAtWork(phases: readonly PlanPhase[]): PlanPhase[] {
  const active = phases.findIndex(({ status }) => status === 'active')
  const at = active >= 0 ? active : phases.findIndex(({ status }) => status === 'pending')
  return phases.map((phase, index) => {
    if (phase.status === 'complete') return phase
    return { ...phase, status: index === at ? 'active' : 'pending' }
  })
}
