/**
 * Claude as an engine of executions: the same agent as in a session, in a role that plans. What the SDK says becomes
 * moves instead of events; the conversation is kept as a session's is, so that a later execution can resume it.
 */
import type { ExecutionEngine, ExecutionHost, ExecutionLimits, ExecutionTask, LiveAgent } from '#agents/agent'
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
    refuses: ({ model }) =>
      model === undefined || isClaude(model) ? null : `${model} is no model of the Claude Agent SDK`,
    start: (task, host) => start(task, host, options),
    selfTest: async () => (await import('../engine/self-test.ts')).testClaude(options),
  }
}

/** `claude`, or `claude:` and the name of a model at the provider. */
function isClaude(model: string): boolean {
  return model === 'claude' || /^claude:./.test(model)
}

async function start(
  task: ExecutionTask,
  host: ExecutionHost,
  options: ClaudeEngineOptions,
): Promise<LiveAgent> {
  const { budgetOf, startClaude } = await import('../engine/engine.ts')
  const { limits } = task
  const budget = budgetOf(options, limits.usd)
  const translator = new Translator(planTool, () => budget?.costUsd ?? null)
  const clock = options.clock ?? monotonicClock
  const keeping = new Keeping(host, clock)
  const started = Promise.withResolvers<{ fail(reason: string, error: string): void }>()
  const fail = (reason: string, error: string) =>
    void started.promise.then((agent) => agent.fail(reason, error))
  const model = task.model?.replace(/^claude:?/, '') || undefined
  const agent = await startClaude(
    { ...task, model },
    reporting(host, keeping, translator, () => checkTokens(translator, limits, fail)),
    options,
    executionRole(limits, keeping),
    budget,
  )
  started.resolve(agent)
  return {
    ended: agent.ended.finally(() => keeping.settle()).then((end) => executionEndOf(end, translator)),
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
  const used = Object.values(usage.tokens).reduce((sum, count) => sum + count, 0)
  if (used > limit) fail('max_tokens', `It reached its limit of ${limit} tokens`)
}
