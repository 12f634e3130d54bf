/**
 * Claude as an engine of executions: the same agent as in a session, in a role that plans. What the SDK says becomes
 * moves instead of events; the conversation is kept as a session's is, so that a later execution can resume it.
 */
import type { ExecutionEngine, ExecutionHost, ExecutionLimits, ExecutionTask, LiveAgent } from '#agents/agent'
import { totalOf } from '#agents/spending/price'
import { monotonicClock } from '#time/clock'
import type { ClaudeEngineOptions } from '../engine/engine.ts'
import { Translator } from '../translate/translator.ts'
import { executionEndOf } from './end.ts'
import { Keeping } from './keeping.ts'
import { planTool } from './plan.ts'
import { reporting } from './reporting.ts'
import { executionRole } from './role.ts'

export function createClaudeExecutionEngine(options: ClaudeEngineOptions): ExecutionEngine {
  return {
    refuses: ({ model, limits }) => {
      if (model !== undefined && !isClaude(model)) return `${model} is not a model of the Claude Agent SDK`
      return limits.usd === null ? null : unpriced(modelOf(model) ?? options.agent?.model, options)
    },
    start: (task, host) => start(task, host, options),
    selfTest: async () => (await import('../engine/self-test.ts')).testClaude(options),
  }
}

/** `claude`, or `claude:` and the name of a model at the provider. */
function isClaude(model: string): boolean {
  return model === 'claude' || /^claude:./.test(model)
}

/** The model at the provider. Undefined: as the configuration says, else as the SDK chooses. */
function modelOf(model: string | undefined): string | undefined {
  return model?.replace(/^claude:?/, '') || undefined
}

/**
 * Only a price lets the gateway stop an answer that costs too much before it is given. A short name (`opus`) is
 * resolved by the SDK, to a model that counts as the dearest there is unless it has a price.
 */
function unpriced(
  name: unknown,
  { prices = null, model }: Pick<ClaudeEngineOptions, 'prices' | 'model'>,
): string | null {
  if (model.demo) return null
  const fullName = typeof name === 'string' && name.startsWith('claude-') ? name : null
  if (prices !== null && (fullName === null || prices.of(fullName).isKnown)) return null
  const whose = fullName === null ? 'Claude' : `"${fullName}"`
  return `A limit in dollars needs the price of ${whose}: set "price" in an entry of "models" with the provider "anthropic".`
}

async function start(
  task: ExecutionTask,
  host: ExecutionHost,
  options: ClaudeEngineOptions,
): Promise<LiveAgent> {
  const { budgetOf, startClaude } = await import('../engine/engine.ts')
  const { limits } = task
  const budget = budgetOf(options, { usd: limits.usd })
  const translator = new Translator(planTool, () => budget?.costUsd ?? null)
  const clock = options.clock ?? monotonicClock
  const keeping = new Keeping(host, clock)
  const started = Promise.withResolvers<{ fail(reason: string, error: string): void }>()
  const fail = (reason: string, error: string) =>
    void started.promise.then((agent) => agent.fail(reason, error))
  const agent = await startClaude(
    { ...task, model: modelOf(task.model) },
    reporting(host, keeping, translator, () => checkTokens(translator, limits, fail)),
    options,
    executionRole(limits, keeping),
    budget,
  )
  started.resolve(agent)
  return {
    ended: agent.ended
      .finally(() => keeping.settle())
      .then((end) => {
        if (end.state === 'parked') throw new Error('an execution cannot be parked')
        return executionEndOf(end, translator)
      }),
    cancel: (graceMs) => agent.cancel(graceMs),
    interrupt: () => agent.interrupt?.(),
  }
}

/** What an answer uses is known when it has been given: one answer may exceed the limit. */
function checkTokens(
  { usage }: Pick<Translator, 'usage'>,
  { tokens: limit }: ExecutionLimits,
  fail: (reason: string, error: string) => void,
): void {
  if (limit === null) return
  if (totalOf(usage.tokens) > limit) fail('max_tokens', `It reached its limit of ${limit} tokens`)
}
