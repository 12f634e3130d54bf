/** Engine of executions on any model that the AI SDK reaches: the loop and the tools are the server's own. */

import type { ExecutionEngine, ExecutionLimits } from '#agents/agent'
import type { SelfTest } from '#runners/kind'
import { type ResolvedModel, requestable, resolveModel } from './model/entry.ts'
import type { AiSdkEngineOptions } from './options.ts'

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
      const { startAgent } = await importStart()
      return startAgent(task, host, resolved, options)
    },
    selfTest: () => test(options),
  }
}

/** Starts nothing, and asks no provider anything: each is asked when a run needs it. */
async function test({ models, env, gate }: AiSdkEngineOptions): Promise<SelfTest> {
  const { gateProblems } = await import('#agents/gate-test')
  const problems = gate === undefined ? [] : await gateProblems(gate)
  const warnings = Object.entries(models).flatMap(([name, entry]) => {
    const resolved = resolveModel(requestable(name, entry), models, env)
    return typeof resolved === 'string' ? [`models.${name}: ${resolved}`] : []
  })
  return { problems, warnings }
}

function unpriced({ name, price }: ResolvedModel, { usd }: ExecutionLimits): string | null {
  if (usd === null || price !== null) return null
  return `A limit in dollars needs the price of "${name}": set "price" in the entry of "models" for it.`
}

/** The variables that packages of providers check when they are imported. */
const checkedVariables = ['ANTHROPIC_BASE_URL', 'OPENAI_BASE_URL']

/**
 * The SDK and its providers are loaded by the first execution that needs them. An empty address counts as none, as
 * everywhere in the server; the packages would refuse to be imported.
 */
function importStart() {
  for (const name of checkedVariables) if (process.env[name] === '') delete process.env[name]
  return import('./start.ts')
}
