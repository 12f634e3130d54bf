/** How an agent ended: why it was ended, or the reason for which it stopped its last turn. */
import { messageOf } from '@millrace/protocol'
import type { ProcessExit } from '@millrace/sandbox'
import { type AgentEnd, failed } from '#agents/agent'
import { crashed } from '#agents/crash'
import { OpeningError } from './opening.ts'
import { authRequired, Refusal } from './refusal.ts'

export type Cause =
  | { kind: 'cancelled'; graceMs: number }
  | { kind: 'done' }
  | { kind: 'failed'; reason: string; error: string }
  /** The process went away. */
  | { kind: 'gone'; thrown: string | null }

/** What a failure of the conversation is. `turns`: how many have begun. */
export function causeOf(error: unknown, { turns, lastWords }: { turns: number; lastWords: string }): Cause {
  if (error instanceof OpeningError) return { kind: 'failed', reason: error.reason, error: error.message }
  if (!(error instanceof Refusal)) return { kind: 'gone', thrown: messageOf(error) }
  if (error.code === authRequired)
    return { kind: 'failed', reason: 'not_logged_in', error: `The agent is not logged in: ${error.message}` }
  const reason = turns === 0 ? 'not_started' : 'agent_error'
  return { kind: 'failed', reason, error: `The agent refused to work: ${error.message}${lastWords}` }
}

/** The result of a session's run. */
export interface AcpResult {
  /** The agent's last words. */
  text: string
  agent: string
  /** The agent's id of the conversation. */
  sessionId: string
  stopReason: string
  numTurns: number
}

const unfinished: Readonly<Record<string, string>> = {
  max_tokens: 'The model stopped before it had finished: its answer reached the limit of tokens',
  max_turn_requests:
    'The agent stopped before it had finished: it reached its limit of requests to the model',
  refusal: 'The model refused to go on',
  cancelled: 'The agent cancelled its turn by itself',
}

export interface EndFacts {
  result: AcpResult
  usage: Record<string, unknown>
  /** We cut the last turn. */
  interrupted: boolean
  /** Null: the process has not exited by itself. */
  exit: ProcessExit | null
  /** The last line of its error output. */
  last: string
  breach: string | undefined
}

export function describeEnd(cause: Cause | null, facts: EndFacts): AgentEnd {
  const worked = facts.result.numTurns > 0
  const usage = worked ? facts.usage : null
  const result = worked ? { ...facts.result } : null
  switch (cause?.kind) {
    case 'cancelled':
      return { ...failed('aborted', 'It was ended from outside'), result, usage }
    case 'failed':
      return { ...failed(cause.reason, cause.error), result, usage }
    case 'done':
      return endOfTurn(facts)
    default:
      return { ...crashed({ ...facts, thrown: cause?.thrown ?? null }), result, usage } as AgentEnd
  }
}

function endOfTurn({ result: { ...result }, usage, interrupted }: EndFacts): AgentEnd {
  const { stopReason } = result
  if (stopReason === 'end_turn' || (stopReason === 'cancelled' && interrupted))
    return { state: 'completed', result, usage }
  const known = unfinished[stopReason]
  const reason = known === undefined ? 'unknown_stop' : stopReason
  const error =
    known ?? `The agent stopped for a reason that the protocol does not have: ${stopReason || 'none'}`
  return { ...failed(reason, error), result, usage }
}
