/** The Claude engine: agents that the Claude Agent SDK drives, each in a sandboxed process of its own. */
import { messageOf } from '@millrace/protocol'
import {
  type AgentEngine,
  type AgentHost,
  type AgentStop,
  type AgentTask,
  failed,
  type LiveAgent,
} from '#agents/agent'
import { Budget } from '#agents/gateway/budget'
import type { ModelEndpoint } from '#agents/gateway/endpoint'
import { type ModelGateway, openModelGateway } from '#agents/gateway/gateway'
import type { ModelPrices } from '#agents/gateway/prices'
import { redactor } from '#agents/redact'
import type { AgentSettings } from '#config/config'
import { defaultProcessLimits } from '#runners/limits'
import { type Clock, monotonicClock } from '#time/clock'
import { restore } from '../transcript/restore.ts'
import { ClaudeAgent } from './agent.ts'
import { leftOf } from './end.ts'
import { defaultLimits } from './options.ts'
import { type AgentRole, askingRole, sessionRole } from './role.ts'
import { loadSdk, type Sdk } from './sdk.ts'
import { type SelfTestOptions, testClaude } from './self-test.ts'

export interface ClaudeEngineOptions extends SelfTestOptions {
  /** `agent` of the configuration. */
  agent: AgentSettings | undefined
  /** The environment of every run: proxies, certificate authorities and additions of the configuration. */
  environment?: Readonly<Record<string, string>>
  model: ModelEndpoint
  /** Variables that name the server's own proxy. Default: none. */
  proxyEnv?: NodeJS.ProcessEnv
  /** What the models cost. Without it the money of a run is limited by what the SDK counts. */
  prices?: ModelPrices | null
  clock?: Clock
  /** A call that has no verdict by then is blocked. Default: 60. */
  hookTimeoutSeconds?: number
}

export function createClaudeEngine(options: ClaudeEngineOptions): AgentEngine {
  return {
    start: (task, host) =>
      startClaude(
        task,
        host,
        options,
        () => roleOf(task, host),
        budgetOf(options, { spent: task.woken?.usage }),
      ),
    selfTest: () => testClaude(options),
  }
}

function roleOf({ questions }: AgentTask, { gate }: AgentHost): AgentRole {
  return questions === true ? askingRole(gate) : sessionRole
}

/**
 * What a run may spend, where prices are known. `usd`: as the run asks; null: as the configuration says. `spent`: the usage
 * of its earlier attempts.
 */
export function budgetOf(
  { prices = null, agent, model }: ClaudeEngineOptions,
  { usd = null, spent = null }: { usd?: number | null; spent?: Record<string, unknown> | null } = {},
): Budget | null {
  if (prices === null || model.demo) return null
  const limit = leftOf(usd ?? agent?.maxBudgetUsd ?? defaultLimits.maxBudgetUsd, spent)
  return new Budget(limit, prices, usd === null ? 'dearest' : 'refused')
}

export type StartedClaude = LiveAgent<AgentStop> & Pick<ClaudeAgent, 'fail'>

export async function startClaude(
  task: AgentTask,
  host: AgentHost,
  options: ClaudeEngineOptions,
  roleOf: (sdk: Sdk) => AgentRole,
  budget: Budget | null,
): Promise<StartedClaude> {
  const conversation = restore(task.transcript, task.cwd, { isWoken: task.woken != null })
  if (task.resumes && conversation === null) {
    const message = 'The session to resume has no conversation yet: start a new session'
    return endedAgent('not_resumable', message)
  }
  let gateway: ModelGateway
  try {
    gateway = await openModelGateway({ ...options.model, proxyEnv: options.proxyEnv }, budget)
  } catch (error) {
    return endedAgent('not_started', `Could not start: ${messageOf(error)}`)
  }
  try {
    const sdk = await loadSdk()
    return new ClaudeAgent({
      task,
      host,
      conversation,
      settings: options.agent,
      role: roleOf(sdk),
      environment: options.environment ?? {},
      limits: { ...defaultProcessLimits, ...options.agent?.limits },
      hookTimeoutSeconds: options.hookTimeoutSeconds ?? 60,
      gateway,
      demo: options.model.demo,
      clock: options.clock ?? monotonicClock,
      query: sdk.query,
      redact: redactor([gateway.token, options.model.apiKey]),
    })
  } catch (error) {
    await gateway.close()
    throw error
  }
}

function endedAgent(reason: string, error: string): StartedClaude {
  return { ended: Promise.resolve(failed(reason, error)), cancel: () => {}, fail: () => {} }
}
