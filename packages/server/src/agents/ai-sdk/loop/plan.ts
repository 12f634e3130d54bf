/**
 * The plan of an execution, as its model makes it through two tools. They run no program and touch no
 * file, so the policy is not asked.
 */
import type { PlanPhase } from '@millrace/protocol'
import { z } from 'zod'
import type { AgentMove } from '#agents/moves'

const phasesMax = 20
const name = z.string().min(1).max(200)

export const planTool = {
  name: 'plan',
  description:
    'Make the plan, or replace it by a better one. A phase is a stage of the work that a person would recognise; two to six are usual. Call this before anything else, and again when the plan turns out to be wrong. The answer lists the ids of the phases.',
  input: z.object({
    goal: z.string().min(1).max(2000).describe('What will be true when the task is done, in one sentence.'),
    phases: z
      .array(
        z.object({
          id: z
            .string()
            .max(100)
            .optional()
            .describe('The id of a phase of the current plan that stays. Leave it out for a new phase.'),
          name: name.describe('What happens in this phase, in a few words.'),
        }),
      )
      .min(1)
      .max(phasesMax)
      .describe('Every phase of the plan, in order, including those that are done.'),
  }),
}

export const phaseTool = {
  name: 'phase',
  description:
    'Say where the work is: start a phase of the plan, which completes the one before it, or complete the phase at work.',
  input: z.object({
    phaseId: z.string().max(100).describe('The id of the phase, from the answer of `plan`.'),
    status: z
      .enum(['active', 'complete'])
      .describe('`active` when its work begins, `complete` when it is done.'),
  }),
}

export interface PlanAnswer {
  ok: boolean
  text: string
  moves: AgentMove[]
}

export class PlanBoard {
  #goal = ''
  #phases: PlanPhase[] = []
  #count = 0

  /** Makes or replaces the plan. Phases that stay keep their status. */
  plan({ goal, phases }: z.output<typeof planTool.input>): PlanAnswer {
    const known = new Map(this.#phases.map((phase) => [phase.id, phase]))
    const next = phases.map((phase): PlanPhase => {
      const kept = phase.id === undefined ? undefined : known.get(phase.id)
      if (kept === undefined) return { id: this.#newId(), name: phase.name, status: 'pending' }
      known.delete(kept.id)
      return { ...kept, name: phase.name }
    })
    this.#goal = goal
    this.#phases = next
    const list = next.map(({ id, name: title, status }) => `${id}: ${title} (${status})`).join('\n')
    return { ok: true, text: `The phases of the plan:\n${list}`, moves: this.moves() }
  }

  phase({ phaseId, status }: z.output<typeof phaseTool.input>): PlanAnswer {
    const phase = this.#phases.find(({ id }) => id === phaseId)
    if (phase === undefined) {
      const ids = this.#phases.map(({ id }) => id).join(', ')
      return {
        ok: false,
        text:
          ids === ''
            ? 'There is no plan yet: call `plan` first.'
            : `There is no phase "${phaseId}": the plan has ${ids}.`,
        moves: [],
      }
    }
    if (phase.status === status) return { ok: true, text: `"${phase.name}" is ${status} already.`, moves: [] }
    if (phase.status === 'complete')
      return { ok: false, text: `"${phase.name}" is complete: add a new phase with \`plan\`.`, moves: [] }
    const before = this.#phases.find((each) => each.status === 'active' && each !== phase)
    if (status === 'active' && before !== undefined) this.#set(before.id, 'complete')
    this.#set(phaseId, status)
    const move = status === 'active' ? 'phase-start' : 'phase-complete'
    return { ok: true, text: `"${phase.name}" is ${status}.`, moves: [{ move, phaseId }] }
  }

  /** The plan as it is, for a log that does not have it yet. */
  moves(): AgentMove[] {
    if (this.#phases.length === 0) return []
    return [{ move: 'plan', goal: this.#goal, phases: this.#phases.map((phase) => ({ ...phase })) }]
  }

  #set(id: string, status: PlanPhase['status']): void {
    this.#phases = this.#phases.map((phase) => (phase.id === id ? { ...phase, status } : phase))
  }

  #newId(): string {
    this.#count += 1
    return `phase-${this.#count}`
  }
}
