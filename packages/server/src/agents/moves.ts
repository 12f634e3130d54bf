/** What an agent does, in the vocabulary of executions, before the story gives it order, places and times. */
import type { PlanPhase, ToolStatus } from '@millrace/protocol'

export type AgentMove =
  /** The whole plan; the first is `plan:created`, later ones `plan:updated`. A phase's status may open or close it. */
  | { move: 'plan'; goal: string; phases: readonly PlanPhase[] }
  /** Completes the phase at work first. */
  | { move: 'phase-start'; phaseId: string }
  | { move: 'phase-complete'; phaseId: string }
  | { move: 'thought'; thought: string; parentToolCallId?: string }
  | { move: 'text'; messageId: string; text: string; parentToolCallId?: string }
  | { move: 'tool-start'; toolCallId: string; toolName: string; params: unknown; parentToolCallId?: string }
  | { move: 'tool-output'; toolCallId: string; text: string }
  | { move: 'tool-complete'; toolCallId: string; status: ToolStatus; result: unknown }
  /** Running totals of the whole execution. */
  | { move: 'usage'; tokens: Record<string, number>; costUsd: number | null }
  /** A step of the model begins: counts `iteration` of thoughts. */
  | { move: 'step' }
  /** Something else worth a line of the log, e.g. a compaction: emitted as the event `type` with `data`. */
  | { move: 'note'; type: string; data: Record<string, unknown> }
