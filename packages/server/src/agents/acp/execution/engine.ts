/** An agent that speaks ACP in an execution (`acp:<agent>`): the same agent as in a session, whose updates become moves. */
import type { ExecutionErrorCode } from '@millrace/protocol'
import type { AgentEnd, AgentHost, ExecutionHost, ExecutionTask, LiveAgent } from '#agents/agent'
import { reportingHost } from '#agents/reporting-host'
import { totalOf } from '#agents/spending/price'
import { type AcpEngineOptions, startAgent } from '../engine.ts'
import { Translator } from './translator.ts'

const goalCharsMax = 200

/** The model of the task is the agent's own choice. */
export async function startExecution(
  task: ExecutionTask,
  host: ExecutionHost,
  options: AcpEngineOptions,
): Promise<LiveAgent> {
  const [goal = ''] = task.prompt.split('\n')
  const translator = new Translator(goal.slice(0, goalCharsMax))
  const started = Promise.withResolvers<{ fail(reason: string, error: string): void }>()
  const fail = (reason: string, error: string) =>
    void started.promise.then((agent) => agent.fail(reason, error))
  const agent = await startAgent(
    { ...task, model: undefined },
    reporting(host, translator, () => checkLimits(translator, task, fail)),
    options,
    task.limits.usd,
  )
  started.resolve(agent)
  return {
    ended: agent.ended.then((end) => executionEndOf(end, translator)),
    cancel: (graceMs) => agent.cancel(graceMs),
    interrupt: () => agent.interrupt?.(),
  }
}

/** The host of an agent whose updates are to become moves. `reported` is called after each that was taken. */
function reporting(host: ExecutionHost, translator: Translator, reported: () => void): AgentHost {
  return reportingHost(host, {
    denied(toolUseId, emit) {
      translator.denied(toolUseId)
      return emit()
    },
    take({ type, data }) {
      const moves = translator.take(type, data)
      const stored = moves.length === 0 ? Promise.resolve() : host.report(moves)
      reported()
      return stored
    },
    appendTranscript: (entries) => host.appendTranscript(entries),
  })
}

/** What a turn used is known when it is over: one turn may exceed the limit of tokens. */
function checkLimits(
  { steps, usage }: Translator,
  { limits }: ExecutionTask,
  fail: (reason: string, error: string) => void,
): void {
  if (steps > limits.iterations)
    fail('max_iterations', `It reached its limit of ${limits.iterations} iterations`)
  if (limits.tokens === null) return
  if (totalOf(usage.tokens) > limits.tokens)
    fail('max_tokens', `It reached its limit of ${limits.tokens} tokens`)
}

const codes: Readonly<Record<string, ExecutionErrorCode>> = {
  aborted: 'cancelled',
  max_tokens: 'max_tokens',
  max_iterations: 'max_iterations',
  max_turn_requests: 'max_iterations',
  max_budget: 'budget',
  refusal: 'refused',
  not_logged_in: 'provider_error',
  agent_error: 'provider_error',
  not_resumable: 'not_resumable',
}

function executionEndOf(end: AgentEnd, { usage }: Translator): AgentEnd {
  // What the gateway has counted comes first.
  const used = { tokens: usage.tokens, costUsd: end.usage?.costUsd ?? usage.costUsd }
  const result = { text: end.result?.text ?? '' }
  if (end.state === 'completed') return { state: 'completed', result, usage: used }
  // What is left is about the process: it crashed, was silent, or broke the rules.
  return { ...end, reason: codes[end.reason] ?? 'agent_crashed', result, usage: used }
}
