/** Which kinds of run this server has: a new kind is a folder of `runners/` and one line here. */
import { homedir } from 'node:os'
import type { Logger } from 'pino'
import { createClaudeEngine, type ModelEndpoint } from '#agents/claude/engine/engine'
import type { Config } from '#config/config'
import type { AgentStatus } from '#faces/native/catalogue'
import { externalKind } from '#runners/external/kind'
import { jobKind } from '#runners/job/kind'
import type { Kind } from '#runners/kind'
import { sessionKind } from '#runners/session/kind'
import { createSessionRunner } from '#runners/session/runner'

export interface Kinds {
  all: readonly Kind[]
  /** Whether agent sessions can be started, and who answers them. */
  agentStatus: () => AgentStatus
  /** Settles when every self-test has ended and was logged. Never rejects. */
  tested: Promise<unknown>
}

export function composeKinds(config: Config, model: ModelEndpoint | null, log: Logger): Kinds {
  const session = composeSessions(config, model)
  const all = [jobKind(config), session, externalKind(config)]
  return {
    all,
    agentStatus: () => {
      const status = session.availability()
      return status.available
        ? { available: true, demo: model?.demo ?? false }
        : { available: false, demo: false, reason: status.reason }
    },
    tested: Promise.all(all.map((kind) => logSelfTest(kind, log))),
  }
}

const noModel = 'Agent sessions need a model: set ANTHROPIC_API_KEY'

function composeSessions(config: Config, model: ModelEndpoint | null): Kind {
  const options = {
    agent: config.agent,
    environment: config.sandbox.env,
    proxyEnv: process.env,
    policy: config.policy,
    model: model ?? { baseUrl: '', apiKey: undefined, demo: false },
    hidden: [config.dataDir],
    home: homedir(),
  }
  const engine = createClaudeEngine(options)
  return sessionKind({
    config,
    runner: createSessionRunner({ ...options, engine }),
    unavailable: model === null ? noModel : null,
    selfTest: () => engine.selfTest(),
  })
}

async function logSelfTest(kind: Kind, log: Logger): Promise<void> {
  // What is known at once is answered at each start, and needs no line in the log.
  if (!kind.availability().available) return
  const { problems, warnings } = await kind.selfTest()
  for (const problem of problems) log.warn({ kind: kind.kind }, `SELF-TEST: ${problem}`)
  for (const warning of warnings) log.warn({ kind: kind.kind }, warning)
}
