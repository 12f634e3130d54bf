/** Engine of executions on any model that the AI SDK reaches: the loop and the tools are the server's own. */
import type { ProcessLimits } from '@millrace/sandbox'
import type { ExecutionEngine, ExecutionHost, ExecutionLimits, ExecutionTask, LiveAgent } from '#agents/agent'
import { redactor } from '#agents/claude/engine/redact'
import type { AgentTool } from '#agents/tools/tool'
import { type Clock, monotonicClock } from '#time/clock'
import { AiSdkAgent } from './agent.ts'
import type { SilenceLimits } from './loop/silence.ts'
import { type ModelEntries, type ResolvedModel, resolveModel } from './model/entry.ts'
import { openTransport } from './model/fetch.ts'
import { Meter } from './model/meter.ts'
import { cacheMarkOf, openModel, providerOptionsOf } from './model/open.ts'

export interface AiSdkEngineOptions {
  /** `models` of the configuration. */
  models: ModelEntries
  /** The server's environment: keys and addresses of providers. */
  env: NodeJS.ProcessEnv
  tools: readonly AgentTool[]
  /** The environment of every run: proxies, certificate authorities and additions of the configuration. */
  environment?: Readonly<Record<string, string>>
  limits: ProcessLimits
  /** Variables that name the server's own proxy. Default: none. */
  proxyEnv?: NodeJS.ProcessEnv | undefined
  /** How often the SDK repeats a request that failed before an answer began. Default: 4. */
  maxRetries?: number
  /** How long a model may say nothing before its answer begins, and between two pieces of it. Default: 10 and 5 minutes. */
  silence?: SilenceLimits
  clock?: Clock
}

export function createAiSdkEngine(options: AiSdkEngineOptions): ExecutionEngine {
  const { models, env } = options
  return {
    refuses({ model, limits }) {
      const resolved = resolveModel(model, models, env)
      return typeof resolved === 'string' ? resolved : unpriced(resolved, limits)
    },
    async start(task, host) {
      const resolved = resolveModel(task.model, models, env)
      if (typeof resolved === 'string') throw new Error(resolved)
      return start(task, host, resolved, options)
    },
    // Nothing to start: the providers are asked when a run needs them.
    selfTest: () => Promise.resolve({ problems: [], warnings: [] }),
  }
}

function unpriced({ name, price }: ResolvedModel, { usd }: ExecutionLimits): string | null {
  if (usd === null || price !== null) return null
  return `A limit in dollars needs the price of "${name}": set "price" in the entry of "models" for it.`
}

function start(
  task: ExecutionTask,
  host: ExecutionHost,
  model: ResolvedModel,
  options: AiSdkEngineOptions,
): LiveAgent {
  const transport = openTransport(options.proxyEnv)
  return new AiSdkAgent({
    transport,
    redact: redactor([model.apiKey]),
    shared: {
      task,
      host,
      model,
      languageModel: openModel(model, transport.fetch),
      providerOptions: providerOptionsOf(model),
      cacheMark: cacheMarkOf(model),
      maxRetries: options.maxRetries ?? 4,
      silence: options.silence ?? { beforeMs: 600_000, betweenMs: 300_000 },
      clock: options.clock ?? monotonicClock,
      meter: new Meter(task.limits, model.price),
      tools: options.tools,
      environment: options.environment ?? {},
      limits: options.limits,
    },
  })
}
