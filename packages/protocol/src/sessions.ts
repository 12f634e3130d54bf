/**
 * Agent sessions (docs/sessions.md): the events of a session's log besides the messages of the agent SDK,
 * which are logged unchanged, with their `type` as the event's type.
 */
import type { FileChange } from './changes.ts'
import type { Form, FormValues } from './forms.ts'
import type { FinalState } from './runs.ts'

/** Data of a session's terminal event, whose type is the state. */
export interface SessionEndEvent {
  sessionId: string
  state: FinalState
  /** Why it did not complete, as one word: the SDK's subtype of the result, or a cause of ours. */
  reason?: string
  /** The same for a person. */
  error?: string
}

/** Types of the events about what a session was not simply allowed to do. */
export const permissionTypes = {
  /** A person is asked. Followed by exactly one `resolved` of the same approval. */
  requested: 'permission:requested',
  resolved: 'permission:resolved',
  /** The policy refused a call. */
  denied: 'permission:denied',
} as const

/** A call of a tool that the policy did not let pass. */
export interface PermissionDeniedEvent {
  /** The SDK's id of the call. */
  toolUseId: string
  tool: string
  input: unknown
  reason: string
  /** Present when a subagent made the call. */
  agentId?: string
}

/** Type of the events with what a subagent changed: the SDK's own messages have it for the main agent only. */
export const subagentResultType = 'subagent:result'

export interface SubagentResultEvent {
  /** The SDK's id of the call. */
  toolUseId: string
  agentId: string
  tool: string
  /** The patches in the tool's structured result, as in `tool_use_result` of a `user` message. */
  result: Record<string, unknown>
}

/**
 * Type of the event with what the log has not shown of a session's changes: those of commands, in a project without git. It
 * comes at the end, and is left out where there is nothing to add.
 */
export const sessionChangedType = 'session:changed'

export interface SessionChangedEvent {
  /** From how each file was when the session began. They take the place of what is known of the same files. */
  files: FileChange[]
  /** Files that are as they were. */
  restored: string[]
}

export interface PermissionRequestedEvent extends PermissionDeniedEvent {
  approvalId: string
  /** Milliseconds since the epoch; unanswered until then, it is a denial. */
  expiresAt: number
  /** Present where people are asked for an answer, not for permission: allowed is what has values for it. */
  form?: Form
}

/** A question that nobody has answered yet, and its run (`GET /api/approvals`). */
export interface OpenQuestion extends PermissionRequestedEvent {
  runId: string
}

/** Who or what answered: a person, the clock, or the end of the run. */
export type ApprovalSource = 'person' | 'expiry' | 'withdrawn'

export interface PermissionResolvedEvent {
  approvalId: string
  decision: 'allow' | 'deny'
  by: ApprovalSource
  /** Name of the user who answered; present when a person did. */
  user?: string
  /** The person's words; the agent receives them with a denial. */
  message?: string
  /** What the person wants to run instead of the input that was asked about. */
  updatedInput?: Record<string, unknown>
  /** What the person filled in, where the question is a form. */
  values?: FormValues
  /** Present where it holds for every call of exactly this kind in this run. */
  scope?: 'run'
}
