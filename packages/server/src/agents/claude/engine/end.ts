/** How an agent ended, from the SDK's last message or from how its process went away. */
import type { ModelUsage, SDKResultMessage, SDKResultSuccess } from '@anthropic-ai/claude-agent-sdk'
import type { AgentEnd } from '#agents/agent'
import { type Budget, budgetStatus } from '#agents/gateway/budget'
import { costOf } from '#agents/spending/price'
import type { Woken } from '#runners/runner'

/** Marks everything that the scripted stand-in for a model drove. */
export const demoName = 'scripted demo model'

export interface EndParts {
  maxTurns: number | undefined
  maxBudgetUsd: number | undefined
  demo: boolean
  /** What the gateway has counted; null: the SDK counts. */
  budget: Pick<Budget, 'usd' | 'isSpent' | 'spentUsd' | 'costUsd' | 'priceOf'> | null
  /** Has the usage of earlier attempts of the run. */
  woken?: Pick<Woken, 'usage'> | null | undefined
}

interface Cause {
  /** One word. */
  reason: string
  /** For a person. */
  error: string
}

/** Tokens and US dollars of this run alone, subagents included. */
export interface SessionUsage {
  inputTokens: number
  outputTokens: number
  cacheReadTokens: number
  cacheCreationTokens: number
  costUsd: number
  /** What counted towards the budget, where that is not `costUsd`: a model without a price counts as the dearest. */
  countedUsd?: number
  turns: number
  byModel: Record<string, Omit<SessionUsage, 'countedUsd' | 'turns' | 'byModel'>>
}

/** The result of a session's run. */
export interface SessionResult {
  /** The agent's last words, or the SDK's words for the error. */
  text: string
  /** The agent SDK's id of the conversation: that of the first run of a chain. */
  sessionId: string
  subtype: string
  numTurns: number
  durationMs: number
  durationApiMs: number
  permissionDenials: number
  demo?: typeof demoName
}

/** The bound of the text in the run's row, which lists of runs show. The log has all of it. */
const textCharsMax = 262_144
const nameCharsMax = 200
/** A bound on models: an agent uses a handful. */
const modelsMax = 100

export function endOf(message: SDKResultMessage, parts: EndParts): AgentEnd {
  const text = textIn(message)
  const result: SessionResult = {
    text: clip(text, textCharsMax),
    sessionId: String(message.session_id).slice(0, nameCharsMax),
    subtype: message.subtype,
    numTurns: amount(message.num_turns),
    durationMs: amount(message.duration_ms),
    durationApiMs: amount(message.duration_api_ms),
    permissionDenials: amount(message.permission_denials?.length),
    ...(parts.demo ? { demo: demoName } : {}),
  }
  const usage = { ...added(usageOf(message, parts.budget), parts.woken?.usage ?? null) }
  const cause =
    message.subtype === 'success' && !message.is_error
      ? unfinished(message, text)
      : causeOf(message, text, parts)
  if (cause === null) return { state: 'completed', result: { ...result }, usage }
  return { state: 'errored', ...cause, result: { ...result }, usage }
}

/** Reasons of the model to stop that mean it had finished. */
const finished = ['end_turn', 'stop_sequence']

/** Returns why what the SDK calls a success is none; null if it is one. */
function unfinished(message: SDKResultSuccess, text: string): Cause | null {
  const { terminal_reason: terminal, structured_output: output } = message
  if (amount(message.num_turns) === 0) {
    return { reason: 'not_asked', error: `The model was never asked${text === '' ? '' : `: ${text}`}` }
  }
  if (terminal !== undefined && terminal !== 'completed') {
    const named = String(terminal).slice(0, nameCharsMax)
    return { reason: wordOf(named), error: `The agent stopped before it had finished (${named})` }
  }
  const stop: unknown = message.stop_reason
  if (typeof stop !== 'string') {
    if (terminal === 'completed') return null
    return { reason: 'unknown_stop', error: 'The model stopped before it had finished (no reason was given)' }
  }
  // An answer in the requested form is the input of a tool.
  if (finished.includes(stop) || (stop === 'tool_use' && output !== undefined)) return null
  const named = stop.slice(0, nameCharsMax)
  return { reason: wordOf(named), error: `The model stopped before it had finished (${named})` }
}

function wordOf(stop: string): string {
  return /^\w{1,64}$/.test(stop) ? stop : 'unknown_stop'
}

function textIn(message: SDKResultMessage): string {
  const said: unknown = message.subtype === 'success' ? message.result : message.errors
  if (typeof said === 'string') return said
  return Array.isArray(said) ? said.filter((part) => typeof part === 'string' && part !== '').join('; ') : ''
}

/** The process sent the value: anything but a positive number counts as none. */
function amount(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0
}

export const keyRefused = {
  reason: 'authentication_failed',
  error: 'The model provider refused the API key (401): check ANTHROPIC_API_KEY',
}

function causeOf(message: SDKResultMessage, text: string, parts: EndParts): Cause {
  const { maxTurns, maxBudgetUsd, budget } = parts
  const { subtype } = message
  switch (subtype) {
    case 'error_max_turns':
      return { reason: subtype, error: `It reached its limit of ${maxTurns ?? message.num_turns} turns` }
    case 'error_max_budget_usd':
      return overBudget(maxBudgetUsd)
    case 'error_max_structured_output_retries':
      return { reason: subtype, error: 'It did not give its answer in the requested form' }
    case 'error_during_execution':
      return { reason: subtype, error: text || 'The agent failed without saying why' }
    case 'success':
      return failedCall(message, text, budget)
    default:
      // A subtype of a newer SDK.
      return { reason: String(subtype satisfies never), error: text || `The agent ended: ${subtype}` }
  }
}

function overBudget(usd: number | undefined): Cause {
  const budget = usd === undefined ? '' : ` of ${dollars(usd)}`
  return { reason: 'error_max_budget_usd', error: `It reached its budget${budget}` }
}

/** A request to the model's API failed for good: the SDK reports it as a success that is an error. */
function failedCall(message: SDKResultSuccess, text: string, budget: EndParts['budget']): Cause {
  const status = message.api_error_status
  if (status === budgetStatus && budget?.isSpent) return overBudget(budget.usd)
  if (status === 401) return keyRefused
  const reason = message.terminal_reason ?? 'api_error'
  if (reason !== 'api_error') return { reason, error: text || `The agent ended: ${reason}` }
  const what = typeof status === 'number' ? ` (${status})` : ''
  return { reason, error: `The model's API failed${what}: ${text || 'it gave no reason'}` }
}

/** Counted by the SDK, and priced by the configuration where that has prices. */
function usageOf(message: SDKResultMessage, budget: EndParts['budget']): SessionUsage {
  const costUsd = budget?.costUsd ?? null
  const priced = costUsd === null ? null : budget
  const byModel = Object.entries(message.modelUsage ?? {})
    .slice(0, modelsMax)
    .map(([name, used]) => [name.slice(0, nameCharsMax), ofModel(name, used ?? {}, priced)] as const)
  const sum = (field: keyof ReturnType<typeof ofModel>) =>
    byModel.reduce((total, [, used]) => total + used[field], 0)
  return {
    inputTokens: sum('inputTokens'),
    outputTokens: sum('outputTokens'),
    cacheReadTokens: sum('cacheReadTokens'),
    cacheCreationTokens: sum('cacheCreationTokens'),
    costUsd: costUsd ?? amount(message.total_cost_usd),
    // The SDK knows nothing of requests that programs of the agent made.
    ...(budget !== null && costUsd === null ? { countedUsd: budget.spentUsd } : {}),
    turns: amount(message.num_turns),
    byModel: Object.fromEntries(byModel),
  }
}

/** What all attempts of a run have used. The store has `earlier` as this server wrote it. */
function added(now: SessionUsage, earlier: Record<string, unknown> | null): SessionUsage {
  if (earlier === null) return now
  const before = earlier as unknown as SessionUsage
  const byModel = { ...before.byModel }
  for (const [name, used] of Object.entries(now.byModel)) {
    const known = byModel[name]
    byModel[name] = known === undefined ? used : summed(known, used)
  }
  const isCounted = before.countedUsd !== undefined || now.countedUsd !== undefined
  const counted = isCounted ? { countedUsd: countedIn(before) + countedIn(now) } : {}
  return { ...summed(before, now), ...counted, byModel, turns: before.turns + now.turns }
}

/** What an attempt has taken of the budget. The figures come from the store. */
function countedIn({ costUsd, countedUsd }: Partial<Record<keyof SessionUsage, unknown>>): number {
  return Math.max(amount(costUsd), amount(countedUsd))
}

function summed(one: SessionUsage['byModel'][string], other: typeof one): typeof one {
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    cacheReadTokens: one.cacheReadTokens + other.cacheReadTokens,
    cacheCreationTokens: one.cacheCreationTokens + other.cacheCreationTokens,
    costUsd: one.costUsd + other.costUsd,
  }
}

/** What earlier attempts of a run have left of a budget, in US dollars. The SDK takes no budget of nothing. */
export function leftOf<Usd extends number | undefined>(
  usd: Usd,
  earlier: Record<string, unknown> | null | undefined,
): Usd {
  return (usd === undefined ? usd : Math.max(usd - countedIn(earlier ?? {}), 1e-6)) as Usd
}

function ofModel(
  name: string,
  used: Partial<ModelUsage>,
  priced: EndParts['budget'],
): SessionUsage['byModel'][string] {
  const tokens = {
    inputTokens: amount(used.inputTokens),
    outputTokens: amount(used.outputTokens),
    cacheReadTokens: amount(used.cacheReadInputTokens),
    cacheCreationTokens: amount(used.cacheCreationInputTokens),
  }
  const hourTokens = amount(used.cacheCreationEphemeral1hInputTokens)
  const costUsd = priced === null ? amount(used.costUSD) : costOf(tokens, priced.priceOf(name), hourTokens)
  return { ...tokens, costUsd }
}

function clip(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest)} …`
}

function dollars(sum: number): string {
  return `$${sum.toFixed(Math.max(2, String(sum).split('.')[1]?.length ?? 0))}`
}
