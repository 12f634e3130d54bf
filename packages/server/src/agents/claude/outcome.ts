/** How a session ended, in the words of its terminal event. */
import type { ModelUsage, SDKResultMessage } from '@anthropic-ai/claude-agent-sdk'
import type { EndCause, FinalState, Run, SessionEndEvent } from '@millrace/protocol'
import type { ProcessExit } from '@millrace/sandbox'
import type { RunOutcome } from '#runners/runner'

/** Said of everything the scripted stand-in of a model drove. */
export const demoName = 'scripted demo model'

export interface OutcomeParts {
  run: Pick<Run, 'id'>
  maxTurns: number | undefined
  maxBudgetUsd: number | undefined
  demo: boolean
}

/** Tokens and US dollars of this run alone, subagents included. */
export interface SessionUsage {
  inputTokens: number
  outputTokens: number
  cacheReadTokens: number
  cacheCreationTokens: number
  costUsd: number
  turns: number
  byModel: Record<string, Omit<SessionUsage, 'turns' | 'byModel'>>
}

/** What a session's run has as its result. */
export interface SessionResult {
  /** The agent's last words, or what the SDK says of the error. */
  text: string
  /** Id of the conversation at the agent SDK; that of the first run of a chain. */
  sessionId: string
  subtype: string
  numTurns: number
  durationMs: number
  durationApiMs: number
  permissionDenials: number
  demo?: typeof demoName
}

/** Characters; the run's row holds them, and lists of runs show them. The log has all of it. */
const longestText = 262_144
const longestError = 2000
const longestName = 200
/** A session uses a handful. */
const mostModels = 100

export function outcomeOf(message: SDKResultMessage, parts: OutcomeParts): RunOutcome {
  const { demo, run } = parts
  const text = textIn(message)
  const result: SessionResult = {
    text: clip(text, longestText),
    sessionId: String(message.session_id).slice(0, longestName),
    subtype: message.subtype,
    numTurns: amount(message.num_turns),
    durationMs: amount(message.duration_ms),
    durationApiMs: amount(message.duration_api_ms),
    permissionDenials: amount(message.permission_denials?.length),
    ...(demo ? { demo: demoName } : {}),
  }
  const usage = { ...usageOf(message) }
  if (message.subtype === 'success' && !message.is_error) {
    const data: SessionEndEvent = { sessionId: run.id, state: 'completed' }
    return { state: 'completed', data: { ...data }, result, error: null, usage }
  }
  const { reason, error } = causeOf(message, text, parts)
  return { ...errored(run, reason, error), result, usage }
}

function textIn(message: SDKResultMessage): string {
  const said: unknown = message.subtype === 'success' ? message.result : message.errors
  if (typeof said === 'string') return said
  return Array.isArray(said) ? said.filter((part) => typeof part === 'string' && part !== '').join('; ') : ''
}

/** The process says it, and what adds it up wants a number. */
function amount(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0
}

/** The end of a session that came to no result. `reason` is one word, `error` for a person. */
export function errored(run: Pick<Run, 'id'>, reason: string, error: string): RunOutcome {
  const message = clip(error, longestError)
  const data: SessionEndEvent = { sessionId: run.id, state: 'errored', reason, error: message }
  return { state: 'errored', data: { ...data }, result: null, error: { message, reason }, usage: null }
}

/** The end of a session that was ended from outside, or that the runner itself failed at. */
export function endedData(
  run: Pick<Run, 'id'>,
  state: Exclude<FinalState, 'completed'>,
  message: string,
  cause: EndCause | null,
): Record<string, unknown> {
  const reason = cause ?? 'internal'
  const data: SessionEndEvent = { sessionId: run.id, state, reason, error: message }
  return { ...data }
}

export const keyRefused = {
  reason: 'authentication_failed',
  error: 'The model provider refused the API key (401): check ANTHROPIC_API_KEY',
}

function causeOf(
  message: SDKResultMessage,
  text: string,
  { maxTurns, maxBudgetUsd }: OutcomeParts,
): { reason: string; error: string } {
  const { subtype } = message
  switch (subtype) {
    case 'error_max_turns':
      return { reason: subtype, error: `It reached its limit of ${maxTurns ?? message.num_turns} turns` }
    case 'error_max_budget_usd': {
      const budget = maxBudgetUsd === undefined ? '' : ` of ${dollars(maxBudgetUsd)}`
      return { reason: subtype, error: `It reached its budget${budget}` }
    }
    case 'error_max_structured_output_retries':
      return { reason: subtype, error: 'It did not give its answer in the form that was asked for' }
    case 'error_during_execution':
      return { reason: subtype, error: text || 'The agent failed, and did not say at what' }
    case 'success':
      return failedCall(message, text)
    default:
      // A subtype of a newer SDK.
      return { reason: String(subtype satisfies never), error: text || `The agent ended: ${subtype}` }
  }
}

/** A call of the model's API that failed for good: the SDK calls it a success that is an error. */
function failedCall(
  message: Extract<SDKResultMessage, { subtype: 'success' }>,
  text: string,
): { reason: string; error: string } {
  const status = message.api_error_status
  if (status === 401) return keyRefused
  const reason = message.terminal_reason ?? 'api_error'
  if (reason !== 'api_error') return { reason, error: text || `The agent ended: ${reason}` }
  const what = typeof status === 'number' ? ` (${status})` : ''
  return { reason, error: `The model's API failed${what}: ${text || 'it did not say why'}` }
}

function usageOf(message: SDKResultMessage): SessionUsage {
  const byModel = Object.entries(message.modelUsage ?? {})
    .slice(0, mostModels)
    .map(([name, used]) => [name.slice(0, longestName), ofModel(used ?? {})] as const)
  const sum = (field: keyof ReturnType<typeof ofModel>) =>
    byModel.reduce((total, [, used]) => total + used[field], 0)
  return {
    inputTokens: sum('inputTokens'),
    outputTokens: sum('outputTokens'),
    cacheReadTokens: sum('cacheReadTokens'),
    cacheCreationTokens: sum('cacheCreationTokens'),
    costUsd: amount(message.total_cost_usd),
    turns: amount(message.num_turns),
    byModel: Object.fromEntries(byModel),
  }
}

function ofModel(used: Partial<ModelUsage>): SessionUsage['byModel'][string] {
  return {
    inputTokens: amount(used.inputTokens),
    outputTokens: amount(used.outputTokens),
    cacheReadTokens: amount(used.cacheReadInputTokens),
    cacheCreationTokens: amount(used.cacheCreationInputTokens),
    costUsd: amount(used.costUSD),
  }
}

function clip(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest)} …`
}

function dollars(sum: number): string {
  return `$${sum.toFixed(Math.max(2, String(sum).split('.')[1]?.length ?? 0))}`
}

/** The process went away, or stopped speaking, without a result. */
export function crashed(run: Pick<Run, 'id'>, { exit, thrown, last, breach }: Crash): RunOutcome {
  if (exit?.neverBegan) return errored(run, 'not_started', `Could not start: ${last || 'no process'}`)
  if (breach !== undefined) return errored(run, 'crashed', `The agent used more ${breach} than it may`)
  if (exit === null) {
    return errored(
      run,
      'protocol_error',
      `The agent's process could not be spoken with: ${thrown ?? 'it fell silent'}`,
    )
  }
  const how = exit.signal === null ? `with exit code ${exit.code}` : `by ${exit.signal}`
  const words = last === '' ? '' : `; its last words: ${last}`
  return errored(run, 'crashed', `The agent's process ended ${how} before it came to a result${words}`)
}

interface Crash {
  /** Null: it had not ended by itself. */
  exit: ProcessExit | null
  /** What the SDK said of it. */
  thrown: string | null
  last: string
  breach: string | undefined
}
