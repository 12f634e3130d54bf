/** Which kinds of run this server has: a new kind is a folder of `runners/` and one line here. */
import { homedir } from 'node:os'
import type { Logger } from 'pino'
import type { SelfTestOptions } from '#agents/claude/engine/self-test'
import type { ModelEndpoint } from '#agents/gateway/endpoint'
import { configuredPrices } from '#agents/gateway/prices'
import type { Config } from '#config/config'
import type { AgentStatus } from '#faces/native/catalogue'
import { externalKind } from '#runners/external/kind'
import { jobKind } from '#runners/job/kind'
import type { Kind, SelfTest } from '#runners/kind'
import { sessionKind } from '#runners/session/kind'
import { endedData } from '#runners/session/outcome'
import type { Worktrees } from '#worktrees/worktrees'
import { acpExecutions, otherAgents } from './acp.ts'
import { claudeEngine, testClaude } from './claude.ts'
import { onFreshDemo } from './demo.ts'
import { composeExecutions } from './executions.ts'
import type { ModelChoice } from './model.ts'

export interface Kinds {
  all: readonly Kind[]
  /** Whether agent sessions can be started, and who answers them. */
  agentStatus: () => AgentStatus
  /** Ends the self-tests, or sees to it that none begins. Never rejects. */
  close(): Promise<void>
}

/** A server that has just started has other work. A run that needs the result sooner begins the test itself. */
const selfTestDelayMs = 1000

/** `tests`: false on a node that runs nothing; `worktrees`: null on one that has no projects. */
export function composeKinds(
  { config, model, demo }: ModelChoice,
  log: Logger,
  { tests = true, worktrees }: { tests?: boolean; worktrees: Worktrees | null },
): Kinds {
  const closing = new AbortController()
  let tested: Promise<SelfTest> | undefined
  const test = (options: SelfTestOptions) => {
    tested ??= testClaude(options, closing.signal)
    return tested
  }
  const { session, execution } = composeAgents(config, model, test, worktrees)
  const agents = [session, execution].map((kind) => afterMerges(kind, worktrees))
  const all = [jobKind(config), ...agents, externalKind(config)].map((kind) => onFreshDemo(kind, demo))
  const testAll = () => void logSelfTests(all, log, closing.signal)
  const timer = tests ? setTimeout(testAll, selfTestDelayMs).unref() : undefined
  return {
    all,
    agentStatus: () => {
      const status = session.availability()
      return status.available
        ? { available: true, demo: model?.demo ?? false }
        : { available: false, demo: false, reason: status.reason }
    },
    close: async () => {
      clearTimeout(timer)
      closing.abort()
      await tested
    },
  }
}

/** Its runs begin to work once no merge changes their project. */
export function afterMerges(kind: Kind, worktrees: Pick<Worktrees, 'untilMerged'> | null): Kind {
  if (worktrees === null) return kind
  return {
    ...kind,
    runner: {
      ...kind.runner,
      run: async (context) => {
        const { promise: ended, resolve } = Promise.withResolvers<void>()
        context.signal.addEventListener('abort', () => resolve(), { once: true })
        if (context.signal.aborted) resolve()
        await Promise.race([ended, worktrees.untilMerged(context.run.project ?? '')])
        return kind.runner.run(context)
      },
    },
  }
}

const noModel = 'Agent sessions need a model: set ANTHROPIC_API_KEY'

function composeAgents(
  config: Config,
  model: ModelEndpoint | null,
  test: (options: SelfTestOptions) => Promise<SelfTest>,
  worktrees: Worktrees | null,
): { session: Kind; execution: Kind } {
  const options = {
    agent: config.agent,
    environment: config.sandbox.env,
    proxyEnv: process.env,
    prices: configuredPrices(config.models?.values() ?? []),
    policy: config.policy,
    model: model ?? { baseUrl: '', apiKey: undefined, demo: false },
    hidden: [config.dataDir],
    home: homedir(),
  }
  const kept = worktrees ?? undefined
  const selfTest = () => test(options)
  const acp = {
    ...options,
    agents: config.agents,
    models: [...(config.models?.values() ?? [])],
    maxBudgetUsd: config.agent?.maxBudgetUsd,
    model,
    needsBoundary: config.sandbox.mode !== 'off',
  }
  const others = otherAgents(acp)
  const session = sessionKind({
    config,
    runner: {
      kind: 'session',
      endedData,
      run: async (context) => {
        const { createSessionRunner } = await import('#runners/session/runner')
        return createSessionRunner({
          ...options,
          engine: claudeEngine(options),
          others,
          worktrees: kept,
        }).run(context)
      },
    },
    others: [...others.keys()],
    unavailable: model === null ? noModel : null,
    selfTest,
    worktrees: kept,
  })
  const execution = composeExecutions({
    config,
    claude: options,
    hasModel: model !== null,
    testClaude: selfTest,
    options,
    acp: acpExecutions(acp),
  })
  return { session, execution }
}

/** Two kinds may share an engine: what its test finds is logged once. */
async function logSelfTests(kinds: readonly Kind[], log: Logger, closing: AbortSignal): Promise<void> {
  const logged = new Set<string>()
  const once = (text: string, write: () => void) => {
    if (!logged.has(text)) write()
    logged.add(text)
  }
  const logOne = async ({ kind, availability, selfTest }: Kind) => {
    // What is known at once is answered at each start, and needs no line in the log.
    if (!availability().available) return
    const { problems, warnings } = await selfTest()
    if (closing.aborted) return
    for (const problem of problems) once(problem, () => log.warn({ kind }, `Self-test: ${problem}`))
    for (const warning of warnings) once(warning, () => log.warn({ kind }, warning))
  }
  await Promise.all(kinds.map(logOne))
}
