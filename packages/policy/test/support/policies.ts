/** Policies over directories that need not exist, and the verdict of each on a command. */
import { createPolicy, type Policy, type PolicyOptions, type Verdict } from '#policy'
import type { Places } from './corpus.ts'

export const places: Places = {
  project: '/srv/agents/project',
  outside: '/srv/agents/outside',
  home: '/srv/agents/home',
  data: '/srv/agents/data',
}

export function policyWith(options: Partial<PolicyOptions> = {}, at: Places = places): Policy {
  return createPolicy({
    unreadableBash: 'deny',
    approvals: 'on',
    sandboxed: false,
    projectPath: at.project,
    home: at.home,
    hidden: [at.data],
    ...options,
  })
}

const everywhere: readonly [name: string, policy: Policy][] = [
  ['outside', policyWith()],
  ['inside, allow', policyWith({ sandboxed: true, unreadableBash: 'allow' })],
  ['inside, ask', policyWith({ sandboxed: true, unreadableBash: 'ask' })],
  ['inside, deny', policyWith({ sandboxed: true, unreadableBash: 'deny' })],
]

export function bash(policy: Policy, command: string, cwd = places.project): Verdict {
  return policy.decide({ tool: 'Bash', input: { command }, cwd })
}

/** The verdict in each circumstance, by name. */
export function verdicts(command: string): Record<string, Verdict['decision']> {
  return Object.fromEntries(everywhere.map(([name, policy]) => [name, bash(policy, command).decision]))
}
