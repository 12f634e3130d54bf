/** What we read of the agent SDK's messages. They are foreign, so nothing about their shape is taken for granted. */
import type { PlanPhase } from '#executions'
import type { CallItem } from './items.ts'
import { recordOf, stringOf } from './run.ts'

export type Block = Record<string, unknown>

/** The blocks of a message's content, which may be a bare text. */
export function blocksOf(content: unknown): Block[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  return Array.isArray(content) ? content.map(recordOf) : []
}

/** The content of a tool's result as one text. What is no text is named: `(image)`. */
export function textOf(content: unknown): string {
  return blocksOf(content)
    .map(({ type, text }) => stringOf(text) ?? `(${stringOf(type) ?? 'unknown'})`)
    .join('\n')
}

/**
 * The plan after a call of `TaskCreate` or `TaskUpdate` that succeeded.
 * A task's number is only in the result of the call that made it. Calls of other tools change nothing: the same list is returned.
 */
export function phasesAfter(phases: readonly PlanPhase[], call: CallItem): readonly PlanPhase[] {
  if (call.parentToolCallId !== null || call.status !== 'ok') return phases
  const input = recordOf(call.input)
  if (call.toolName === 'TaskCreate') return created(phases, stringOf(input.subject), call.result)
  return call.toolName === 'TaskUpdate' ? updated(phases, input) : phases
}

/** `Task #2 created successfully: Run the tests`. */
function created(
  phases: readonly PlanPhase[],
  subject: string | null,
  result: unknown,
): readonly PlanPhase[] {
  const number = /#(\w+)/.exec(stringOf(result) ?? '')?.[1]
  if (number === undefined || subject === null) return phases
  const phase: PlanPhase = { id: `task-${number}`, name: subject, status: 'pending' }
  return [...phases.filter(({ id }) => id !== phase.id), phase]
}

function updated(
  phases: readonly PlanPhase[],
  { taskId, subject, status }: Record<string, unknown>,
): readonly PlanPhase[] {
  const id = `task-${String(taskId)}`
  if (status === 'deleted') return phases.filter((phase) => phase.id !== id)
  return phases.map((phase) =>
    phase.id === id
      ? { ...phase, name: stringOf(subject) ?? phase.name, status: phaseStatusOf(status) ?? phase.status }
      : phase,
  )
}

/** What an agent calls the state of a task; undefined for any other word. */
export function phaseStatusOf(status: unknown): PlanPhase['status'] | undefined {
  switch (status) {
    case 'pending':
      return 'pending'
    case 'in_progress':
      return 'active'
    case 'completed':
      return 'complete'
    default:
      return undefined
  }
}
