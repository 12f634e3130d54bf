/** How results and answers are put into words, the same for every view. */
import type { PermissionResolvedEvent, SessionEndEvent } from '#sessions'
import { numberOf, stringOf } from './run.ts'

export interface ResultFacts {
  failed: boolean
  /** Why it failed; empty when it did not. */
  why: string[]
  /** Turns, cost and duration, as far as they are known. */
  facts: string[]
}

/** What the agent SDK's `result` message says. */
export function resultFacts(data: Record<string, unknown>): ResultFacts {
  const { subtype, result, errors } = data
  const wasCut = isCutTurn(data)
  const failed = !wasCut && (data.is_error === true || subtype !== 'success')
  const turns = numberOf(data.num_turns)
  const cost = numberOf(data.total_cost_usd)
  const durationMs = numberOf(data.duration_ms)
  const reasons = [subtype === 'success' ? result : subtype, ...(Array.isArray(errors) ? errors : [])]
  return {
    failed,
    why: failed ? reasons.map((one) => stringOf(one) ?? '').filter((one) => one !== '') : [],
    facts: [
      wasCut ? 'turn interrupted' : '',
      turns === null ? '' : `${turns} ${turns === 1 ? 'turn' : 'turns'}`,
      cost === null ? '' : dollars(cost),
      durationMs === null ? '' : `${(durationMs / 1000).toFixed(1)} s`,
    ].filter((one) => one !== ''),
  }
}

/** Its process ended until people have answered: it says nothing of the turn, which resumes. */
export function isPutOff({ terminal_reason: reason }: Record<string, unknown>): boolean {
  return reason === 'tool_deferred'
}

/** Somebody interrupted the turn with a message. The session continues. */
function isCutTurn({ subtype, terminal_reason: reason }: Record<string, unknown>): boolean {
  return subtype === 'error_during_execution' && /^aborted_/.test(stringOf(reason) ?? '')
}

/** `$0.0123`, `$1.20`: four decimals for less than ten cents. */
export function dollars(sum: number): string {
  return `$${sum.toFixed(sum > 0 && sum < 0.1 ? 4 : 2)}`
}

/** Who or what answered a question. */
export function answeredBy({ by, user }: Pick<PermissionResolvedEvent, 'by' | 'user'>): string {
  switch (by) {
    case 'person':
      return `by ${stringOf(user) ?? 'a person'}`
    case 'expiry':
      return 'since nobody answered in time'
    case 'withdrawn':
      return 'since the question was withdrawn'
    default:
      by satisfies never
      return 'in another way'
  }
}

/** How a session ended. A failure has a word that can be looked up; for the other ends the sentence says enough. */
export function endText({
  state,
  reason,
  error,
}: Pick<SessionEndEvent, 'state' | 'reason' | 'error'>): string {
  const parts = state === 'errored' ? [reason, error] : [error || reason]
  const why = parts.filter(Boolean).join(': ')
  if (why === '') return state
  return why.toLowerCase().startsWith(state) ? why : `${state} (${why})`
}
