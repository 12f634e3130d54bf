/** Which kinds of run this server has: a new kind is a folder of `runners/` and one line here. */
import { homedir } from 'node:os'
import type { Logger } from 'pino'
import { createClaudeEngine, type ModelEndpoint } from '#agents/claude/engine/engine'
import { configuredPrices } from '#agents/claude/gateway/prices'
import type { Config } from '#config/config'
import type { AgentStatus } from '#faces/native/catalogue'
import { externalKind } from '#runners/external/kind'
import { jobKind } from '#runners/job/kind'
import type { Kind, SelfTest } from '#runners/kind'
import { sessionKind } from '#runners/session/kind'
import { createSessionRunner } from '#runners/session/runner'
import { onFreshDemo } from './demo.ts'
import { composeExecutions } from './executions.ts'
import type { ModelChoice } from './model.ts'

export interface Kinds {
  all: readonly Kind[]
  /** Whether agent sessions can be started, and who answers them. */
  agentStatus: () => AgentStatus
  /** Settles when every self-test has ended and was logged. Never rejects. */
  tested: Promise<unknown>
}

export function composeKinds({ config, model, demo }: ModelChoice, log: Logger): Kinds {
  const { session, execution } = composeAgents(config, model)
  const all = [jobKind(config), session, execution, externalKind(config)].map((kind) =>
    onFreshDemo(kind, demo),
  )
  return {
    all,
    agentStatus: () => {
      const status = session.availability()
      return status.available
        ? { available: true, demo: model?.demo ?? false }
        : { available: false, demo: false, reason: status.reason }
    },
    tested: logSelfTests(all, log),
  }
}

const noModel = 'Agent sessions need a model: set ANTHROPIC_API_KEY'

function composeAgents(config: Config, model: ModelEndpoint | null): { session: Kind; execution: Kind } {
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
  const engine = createClaudeEngine(options)
  let test: Promise<SelfTest> | undefined
  const testClaude = () => {
    test ??= engine.selfTest()
    return test
  }
  const session = sessionKind({
    config,
    runner: createSessionRunner({ ...options, engine }),
    unavailable: model === null ? noModel : null,
    selfTest: testClaude,
  })
  const execution = composeExecutions({
    config,
    claude: options,
    hasModel: model !== null,
    testClaude,
    options,
  })
  return { session, execution }
}

/** Two kinds may share an engine: what its test finds is logged once. */
async function logSelfTests(kinds: readonly Kind[], log: Logger): Promise<void> {
  const logged = new Set<string>()
  const once = (text: string, write: () => void) => {
    if (!logged.has(text)) write()
    logged.add(text)
  }
  const logOne = async ({ kind, availability, selfTest }: Kind) => {
    // What is known at once is answered at each start, and needs no line in the log.
    if (!availability().available) return
    const { problems, warnings } = await selfTest()
    for (const problem of problems) once(problem, () => log.warn({ kind }, `Self-test: ${problem}`))
    for (const warning of warnings) once(warning, () => log.warn({ kind }, warning))
  }
  await Promise.all(kinds.map(logOne))
}
