/** Checks what a server needs of this machine: Node, and a configuration that loads. */
import { boundedFields, messageOf } from '@millrace/protocol'
import type { Io } from '#cli/terminal'
import { capacityProblems, readCapacity } from '#compose/capacity'
import type { Config } from '#config/config'
import { loadConfig } from '#config/load'
import { ConfigError } from '#config/problems'
import type { ConfigFlags } from '#config/settings'
import type { Check } from './check.ts'

/** The same bound as in `bin/millrace.js`. */
export function checkNode(version = process.versions.node): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const enough = major > 24 || (major === 24 && minor >= 12)
  return { name: 'node', status: enough ? 'ok' : 'fail', detail: `${version} (24.12 or newer is required)` }
}

export function checkCapacity(capacity = readCapacity()): Check[] {
  const problems = capacityProblems(capacity)
  if (problems.length > 0) return problems.map((detail) => ({ name: 'limits', status: 'fail', detail }))
  const { openFiles, processes } = capacity
  const shown = (amount: number | undefined | null) => amount ?? 'unlimited'
  const detail = `open files: ${shown(openFiles)}; processes still free: ${shown(processes?.free)}`
  return [{ name: 'limits', status: 'ok', detail }]
}

export async function checkConfig(
  flags: ConfigFlags,
  io: Pick<Io, 'env' | 'cwd'>,
): Promise<{ config: Config | null; checks: Check[] }> {
  try {
    const config = await loadConfig({ flags, env: io.env, cwd: io.cwd })
    const source = config.configFile ?? 'no file: the current directory is the project'
    const amount = `${count(config.projects.size, 'project')}, ${count(config.tools.size, 'tool')}`
    const checks: Check[] = [{ name: 'configuration', status: 'ok', detail: `${source}; ${amount}` }]
    for (const warning of config.warnings) {
      checks.push({ name: 'configuration', status: 'warn', detail: warning })
    }
    return { config, checks }
  } catch (error) {
    const details =
      error instanceof ConfigError
        ? boundedFields(error.problems).map(({ path, expected }) => `${path}: expected ${expected}`)
        : [messageOf(error)]
    return {
      config: null,
      checks: details.map((detail) => ({ name: 'configuration', status: 'fail', detail })),
    }
  }
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`
}
