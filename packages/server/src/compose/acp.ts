/** The agents of the configuration that speak ACP: what they need is loaded with the first run of one. */

import type { AcpEngineOptions } from '#agents/acp/engine'
import type { AgentEngine } from '#agents/agent'
import type { AgentEntry } from '#config/config'
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
