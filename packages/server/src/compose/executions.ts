/** The engines of executions: Claude, and any model that the AI SDK reaches. */
import { createAiSdkEngine } from '#agents/ai-sdk/engine'
import { providers } from '#agents/ai-sdk/model/entry'
import type { ClaudeEngineOptions } from '#agents/claude/engine/engine'
import { createClaudeExecutionEngine } from '#agents/claude/execution/engine'
import { agentTools } from '#agents/tools/tools'
import type { Config } from '#config/config'
import type { AgentRunOptions } from '#runners/agent-run'
import { Engines, type OfferedEngine } from '#runners/execution/engines'
import { executionKind } from '#runners/execution/kind'
import type { Kind, SelfTest } from '#runners/kind'
import { defaultProcessLimits } from '#runners/limits'

export interface ExecutionParts {
  config: Config
  claude: ClaudeEngineOptions
  /** False where Claude has no model to talk to. */
  hasModel: boolean
  /** The self-test of Claude, which is the same for sessions. */
  testClaude(): Promise<SelfTest>
  options: AgentRunOptions
  /** Agents that speak ACP. */
  acp: OfferedEngine
}

export function composeExecutions({ config, options, acp, ...parts }: ExecutionParts): Kind {
  const { iterations, tokens = null, seconds, usd = null } = config.executions
  return executionKind({
    ...options,
    config,
    engines: new Engines([
      claudeEngine(parts),
      aiSdkEngine(config, options),
      ...(config.agents === undefined ? [] : [acp]),
    ]),
    bounds: { iterations, tokens, seconds, usd },
  })
}

const noKey =
  'The model "claude" needs ANTHROPIC_API_KEY in the environment of the server; or name another model in the request'

function claudeEngine({
  claude,
  hasModel,
  testClaude,
}: Omit<ExecutionParts, 'config' | 'options' | 'acp'>): OfferedEngine {
  return {
    engine: { ...createClaudeExecutionEngine(claude), selfTest: testClaude },
    serves: (model) => model === undefined || /^claude(?::|$)/.test(model),
    models: ['claude', 'claude:<model>'],
    unavailable: hasModel ? null : noKey,
  }
}

function aiSdkEngine(
  { agent, models = new Map(), sandbox, executions }: Config,
  gate: AgentRunOptions,
): OfferedEngine {
  const entries = [...models].filter(([, { provider }]) => provider === 'openai-compatible')
  const others = providers.filter((provider) => provider !== 'openai-compatible')
  return {
    engine: createAiSdkEngine({
      models: Object.fromEntries(models),
      gate,
      env: process.env,
      tools: agentTools(executions),
      environment: sandbox.env,
      limits: { ...defaultProcessLimits, ...agent?.limits },
      proxyEnv: process.env,
    }),
    serves: (model) => providers.some((provider) => model?.startsWith(`${provider}:`)),
    models: [
      ...others.map((provider) => `${provider}:<model>`),
      ...entries.map(([name]) => `openai-compatible:${name}`),
    ],
    unavailable: null,
  }
}
