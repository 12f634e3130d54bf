/** Puts the parts of an agent together. */
import type { ExecutionHost, ExecutionTask, LiveAgent } from '#agents/agent'
import { redactor } from '#agents/redact'
import { Meter } from '#agents/spending/meter'
import { withoutHourlyCache } from '#agents/spending/price'
import { monotonicClock } from '#time/clock'
import { AiSdkAgent } from './agent.ts'
import type { ResolvedModel } from './model/entry.ts'
import { openTransport } from './model/fetch.ts'
import { cacheMarkOf, openModel, providerOptionsOf } from './model/open.ts'
import type { AiSdkEngineOptions } from './options.ts'

export function startAgent(
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
      meter: new Meter(task.limits, model.price && withoutHourlyCache(model.price)),
      tools: options.tools,
      environment: options.environment ?? {},
      limits: options.limits,
    },
  })
}
