/** What an agent's events become on the screen, before it is written. */
import type { FinalState } from '@millrace/protocol'
import type { Item, OpenApproval, ViewEvent } from '@millrace/protocol/view'
import type { Look } from './screen.ts'

/** `text` continues the piece before it; `line` is a line of its own; `end` ends an open line. */
export type Piece =
  | { kind: 'text'; look: Look; text: string }
  | { kind: 'line'; look: Look; text: string }
  | { kind: 'end' }

/** Turns the events of one kind of run into pieces. Does no I/O. */
export interface AgentText {
  /** Returns the pieces for one event of the log; none if it is not one of the agent's. */
  take(event: ViewEvent): Piece[]
  /** Notes that something else is shown in between. */
  interrupt(): void
  /** Begins again, from an event that may have been shown. */
  reset(firstSeq: number): void
  /** An open question. */
  question(approvalId: string): OpenApproval | undefined
  /** Returns a tool call as one line. */
  callInLine(tool: string, input: unknown): string
  /** Says in one line how the run ended, from the data of its terminal event. */
  endInLine(state: FinalState, data: Record<string, unknown>): string
}

export function line(look: Look, text: string): Piece {
  return { kind: 'line', look, text }
}

/** What a subagent does stands below what the agent does. */
export function indented({ parentToolCallId }: Pick<Item, 'parentToolCallId'>, text: string): string {
  if (parentToolCallId === null) return text
  return text
    .split('\n')
    .map((one) => `  ${one}`)
    .join('\n')
}
