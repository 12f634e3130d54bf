/**
 * Executions: the events of a run that plans, works through phases with tools, and reports. `external` runs that
 * report in these words are shown the same way. Durations are milliseconds.
 */

export interface PlanPhase {
  id: string
  name: string
  status: 'pending' | 'active' | 'complete' | 'incomplete'
}

export interface Plan {
  goal: string
  phases: PlanPhase[]
}

export type ToolStatus = 'ok' | 'error' | 'denied' | 'cancelled'

/** Where an event belongs, where that is known. */
interface Placed {
  phaseId?: string
  /** Id of the call whose subagent did this. */
  parentToolCallId?: string
}

/** Why an execution did not complete. */
export const executionErrorCodes = [
  'provider_error',
  'refused',
  'context_overflow',
  'max_iterations',
  'max_tokens',
  'time_limit',
  'budget',
  'quota',
  'cancelled',
  'agent_crashed',
  'not_resumable',
  'internal',
] as const
export type ExecutionErrorCode = (typeof executionErrorCodes)[number]

export function isExecutionErrorCode(code: unknown): code is ExecutionErrorCode {
  return (executionErrorCodes as readonly unknown[]).includes(code)
}

/** Type of an event → its data. */
export interface ExecutionEvents {
  'execution:started': { task: string; startedAt: number }
  'plan:created': { plan: Plan }
  'plan:updated': { plan: Plan }
  'phase:start': { phaseId: string; phaseName: string; phaseIndex: number }
  'phase:complete': { phaseId: string; phaseName: string; status?: 'incomplete' }
  thinking: { thought: string; iteration: number } & Placed
  'text:delta': { text: string; messageId: string } & Placed
  'tool:start': { toolName: string; params: unknown; toolCallId: string } & Placed
  'tool:output': { toolCallId: string; text: string } & Placed
  'tool:complete': {
    toolName: string
    toolCallId: string
    result: unknown
    duration: number
    status: ToolStatus
  } & Placed
  /** `costUsd` is null where no price is known, never 0. */
  usage: { tokens: Record<string, number>; costUsd: number | null }
  'execution:complete': { result: unknown; duration: number; tokensUsed: number | null }
  'execution:error': { error: string; code: string }
  'execution:interrupted': { error?: string }
}

export type ExecutionEventType = keyof ExecutionEvents
