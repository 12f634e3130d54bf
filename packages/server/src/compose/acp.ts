/** The agents of the configuration that speak ACP: what they need is loaded with the first run of one. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { listOf, type OfferedAgent } from '@millrace/protocol'
import type { AcpEngineOptions } from '#agents/acp/engine'
import type { AgentEngine } from '#agents/agent'
import { builtInAgent } from '#config/agents/read'
import type { AgentEntry } from '#config/config'
import type { OfferedEngine } from '#runners/execution/engines'
import { packageVersion } from './package-version.ts'

export interface OtherAgentsOptions extends Omit<AcpEngineOptions, 'entry' | 'version'> {
  agents: ReadonlyMap<string, AgentEntry> | undefined
}

/** One engine for each entry, by its name. */
export function otherAgents({
  agents = new Map(),
  ...options
}: OtherAgentsOptions): Map<string, Pick<AgentEngine, 'start'>> {
  const engineOf = (entry: AgentEntry): Pick<AgentEngine, 'start'> => ({
    start: async (task, host) => {
      const { createAcpEngine } = await import('#agents/acp/engine')
      return createAcpEngine({ ...options, entry, version: packageVersion }).start(task, host)
    },
  })
  return new Map([...agents].map(([name, entry]) => [name, engineOf(entry)]))
}

/** What a session may name: the built-in agent, and those of the configuration. `path`: of runs; null if not known here. */
export function offeredAgents(
  builtIn: { available: boolean; reason?: string | undefined },
  agents: ReadonlyMap<string, AgentEntry> = new Map(),
  path: readonly string[] | null,
): OfferedAgent[] {
  const { available, reason } = builtIn
  const others = [...agents.values()].map(({ name, asks, command: [program] }): OfferedAgent => {
    const isFound = path === null || isProgram(program, path)
    const missing = isFound ? {} : { reason: `${program} is not installed where runs can see it` }
    return { name, kind: 'acp', asks, available: isFound, ...missing }
  })
  const why = reason === undefined ? {} : { reason }
  return [{ name: builtInAgent, kind: 'claude', asks: true, available, ...why }, ...others]
}

function isProgram(program: string, path: readonly string[]): boolean {
  const places = program.includes('/') ? [program] : path.map((directory) => join(directory, program))
  return places.some((place) => existsSync(place))
}

const prefix = 'acp:'

/** Only the gateway keeps a limit in dollars, and only with a price. */
function unpriced(
  entry: AgentEntry | undefined,
  { models = [] }: Pick<AcpEngineOptions, 'models'>,
): string | null {
  if (entry === undefined || entry.gateway === null)
    return 'An agent that speaks ACP reports what it costs only afterwards, so no limit in dollars would hold.'
  const { vendor } = entry.gateway
  const isPriced = models.some(({ provider, price }) => provider === vendor && price !== undefined)
  if (isPriced) return null
  return `A limit in dollars needs the price of the agent's model: set "price" in an entry of "models" with the provider "${vendor}".`
}

/** The same agents as an engine of executions: `acp:<agent>`. */
export function acpExecutions({ agents = new Map(), ...options }: OtherAgentsOptions): OfferedEngine {
  const names = [...agents.keys()].map((name) => `${prefix}${name}`)
  return {
    engine: {
      refuses: ({ model, limits }) => {
        if (!names.includes(model ?? ''))
          return names.length === 0 ? 'an agent of the configuration' : `one of ${listOf(names)}`
        return limits.usd === null ? null : unpriced(agents.get(model?.slice(prefix.length) ?? ''), options)
      },
      start: async (task, host) => {
        const { startExecution } = await import('#agents/acp/execution/engine')
        const entry = agents.get(task.model?.slice(prefix.length) ?? '')
        if (entry === undefined) throw new Error(`no agent is named ${task.model}`)
        return startExecution(task, host, { ...options, entry, version: packageVersion })
      },
      selfTest: async () => ({ problems: [], warnings: [] }),
    },
    serves: (model) => model?.startsWith(prefix) ?? false,
    models: names,
    // Without an agent in the configuration, it is not offered.
    unavailable: null,
  }
}
