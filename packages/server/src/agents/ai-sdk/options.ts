/** What the engine is given. */
import type { ProcessLimits } from '@millrace/sandbox'
import type { TestedGate } from '#agents/gate-test'
import type { AgentTool } from '#agents/tools/tool'
import type { Clock } from '#time/clock'
import type { SilenceLimits } from './loop/silence.ts'
import type { ModelEntries } from './model/entry.ts'

export interface AiSdkEngineOptions {
  /** `models` of the configuration. */
  models: ModelEntries
  /** What the self-test checks besides the models. */
  gate?: TestedGate
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
