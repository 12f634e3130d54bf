/** The ACP engine: one for each agent of the configuration, whose program runs whole in the sandbox. */
import { messageOf } from '@millrace/protocol'
import {
  type AgentEnd,
  type AgentEngine,
  type AgentHost,
  type AgentTask,
  failed,
  type LiveAgent,
} from '#agents/agent'
import { Budget, defaultBudgetUsd } from '#agents/gateway/budget'
import type { ModelEndpoint } from '#agents/gateway/endpoint'
import { type ModelGateway, openModelGateway } from '#agents/gateway/gateway'
import { configuredPrices, type ModelPrices, type PricedEntry } from '#agents/gateway/prices'
import { vendors } from '#agents/gateway/vendors/vendors'
import { redactor } from '#agents/redact'
import type { AgentEntry } from '#config/config'
import { defaultProcessLimits } from '#runners/limits'
import { type Clock, monotonicClock } from '#time/clock'
import { AcpAgent } from './agent.ts'
import { restore } from './conversation.ts'
import { loadAcp } from './sdk.ts'

export interface AcpEngineOptions {
  entry: AgentEntry
  /** The environment of every run: proxies, certificate authorities and additions of the configuration. */
  environment?: Readonly<Record<string, string>>
  /** The model of the built-in agent, which some agents share; null where there is none. */
  model: ModelEndpoint | null
  /** The models of the configuration: the gateway keeps a budget where one has a price. Default: none. */
  models?: readonly PricedEntry[]
  /** What a session may spend, in US dollars, where nothing else is said. Default: that of the built-in agent. */
  maxBudgetUsd?: number | undefined
  /** Variables that name the server's own proxy. Default: none. */
  proxyEnv?: NodeJS.ProcessEnv
  /** Whether agents may run where the machine has no sandbox: many ask for nothing, and it is all that holds them. */
  needsBoundary: boolean
  version: string
  clock?: Clock
}

export function createAcpEngine(options: AcpEngineOptions): AgentEngine {
  return {
    start: (task, host) => startAgent(task, host, options),
    // Whether a program works is known when it is started: that takes seconds, and the machine may have none of them.
    selfTest: async () => ({ problems: [], warnings: [] }),
  }
}

export type StartedAgent = LiveAgent & Pick<AcpAgent, 'fail'>

export async function startAgent(
  task: AgentTask,
  host: AgentHost,
  options: AcpEngineOptions,
  /** What the run itself asks for. */
  usd: number | null = null,
): Promise<StartedAgent> {
  const { entry } = options
  const upstream = entry.gateway && (entry.gateway.upstream ?? options.model)
  const resumes = restore(task.transcript, entry.name)
  if (task.resumes && resumes === null)
    return endedAgent('not_resumable', 'The session to resume has no conversation yet: start a new session')
  if (options.needsBoundary && host.sandbox.report.boundary === 'none') {
    const message = `The agent ${entry.name} runs only in a sandbox, and this machine has none; see docs/agents.md`
    return endedAgent('not_started', message)
  }
  if (entry.gateway !== null && upstream === null)
    return endedAgent('not_started', `The agent ${entry.name} needs a model: set ANTHROPIC_API_KEY`)
  let gateway: ModelGateway | null = null
  try {
    if (entry.gateway !== null && upstream !== null) {
      const vendor = vendors[entry.gateway.vendor]
      const { proxyEnv } = options
      gateway = await openModelGateway({ ...upstream, proxyEnv, vendor }, budgetOf(usd, options))
    }
    const agent = new AcpAgent({
      task,
      host,
      entry,
      resumes,
      environment: options.environment ?? {},
      limits: { ...defaultProcessLimits, ...definedOf(entry.limits) },
      gateway,
      sdk: await loadAcp(),
      clock: options.clock ?? monotonicClock,
      version: options.version,
      withoutSecrets: without([gateway?.token, ...entry.secrets]),
      redact: redactor([gateway?.token, upstream?.apiKey, ...entry.secrets]),
    })
    return gateway?.budget == null ? agent : within(gateway.budget, agent)
  } catch (error) {
    await gateway?.close()
    return endedAgent('not_started', `Could not start: ${messageOf(error)}`)
  }
}

/** Null: the price of no model of its vendor is known, so nothing can be counted. */
function pricesFor(
  { gateway }: Pick<AgentEntry, 'gateway'>,
  models: readonly PricedEntry[] = [],
): ModelPrices | null {
  return gateway === null ? null : configuredPrices(models, gateway.vendor)
}

function budgetOf(
  asked: number | null,
  { entry, model, models, maxBudgetUsd }: AcpEngineOptions,
): Budget | null {
  const prices = pricesFor(entry, models)
  const usd = asked ?? maxBudgetUsd ?? defaultBudgetUsd
  const isDemo = entry.gateway?.upstream === null && model?.demo === true
  if (prices === null || isDemo) return null
  return new Budget(usd, prices, asked === null ? 'dearest' : 'refused')
}

/** The gateway has counted, so its figures are those of the run, whatever the agent says. */
function within(budget: Budget, agent: StartedAgent): StartedAgent {
  const ended = agent.ended.then((end): AgentEnd => {
    const usage = end.usage === null ? null : { ...end.usage, costUsd: budget.costUsd }
    if (!budget.isSpent || (end.state !== 'completed' && end.reason === 'aborted')) return { ...end, usage }
    const error = `It reached its budget of $${budget.usd}: the next request could have exceeded it`
    return { ...failed('max_budget', error), result: end.result, usage }
  })
  return {
    ended,
    cancel: (graceMs) => agent.cancel(graceMs),
    interrupt: () => agent.interrupt?.(),
    fail: (reason, error) => agent.fail(reason, error),
  }
}

/** A shorter text is in others by chance. */
const secretCharsMin = 8

function without(secrets: readonly (string | undefined)[]): (text: string) => string {
  const known = secrets.filter((secret) => secret !== undefined && secret.length >= secretCharsMin)
  return (text) => known.reduce<string>((left, secret) => left.replaceAll(String(secret), '[secret]'), text)
}

function definedOf(limits: AgentEntry['limits']): AgentEntry['limits'] {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined))
}

function endedAgent(reason: string, error: string): StartedAgent {
  return { ended: Promise.resolve(failed(reason, error)), cancel: () => {}, fail: () => {} }
}
