/** The ACP engine: one for each agent of the configuration, whose program runs whole in the sandbox. */
import { messageOf } from '@millrace/protocol'
import { type AgentEngine, type AgentHost, type AgentTask, failed, type LiveAgent } from '#agents/agent'
import type { ModelEndpoint } from '#agents/gateway/endpoint'
import { type ModelGateway, openModelGateway } from '#agents/gateway/gateway'
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
  /** For agents whose model is behind the gateway; null where there is none. */
  model: ModelEndpoint | null
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
): Promise<StartedAgent> {
  const { entry, model } = options
  const resumes = restore(task.transcript, entry.name)
  if (task.resumes && resumes === null)
    return endedAgent('not_resumable', 'The session to resume has no conversation yet: start a new session')
  if (options.needsBoundary && host.sandbox.report.boundary === 'none') {
    const message = `The agent ${entry.name} runs only in a sandbox, and this machine has none; see docs/agents.md`
    return endedAgent('not_started', message)
  }
  if (entry.usesGateway && model === null)
    return endedAgent('not_started', `The agent ${entry.name} needs a model: set ANTHROPIC_API_KEY`)
  let gateway: ModelGateway | null = null
  try {
    if (entry.usesGateway && model !== null)
      gateway = await openModelGateway({ ...model, proxyEnv: options.proxyEnv })
    return new AcpAgent({
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
      redact: redactor([gateway?.token, model?.apiKey, ...entry.secrets]),
    })
  } catch (error) {
    await gateway?.close()
    return endedAgent('not_started', `Could not start: ${messageOf(error)}`)
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
