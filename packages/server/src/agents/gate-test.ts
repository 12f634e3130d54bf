/** Does the gate hold? Part of every engine's self-test. */
import { join } from 'node:path'
import { createPolicy, type Policy, type PolicyOptions } from '@millrace/policy'
import type { PolicySettings } from '#config/config'
import { Gate } from './gate.ts'

export interface TestedGate {
  policy: PolicySettings | undefined
  hidden: readonly string[]
  home: string
  createPolicy?: (options: PolicyOptions) => Pick<Policy, 'decide'>
}

export interface TestedCall {
  tool: string
  input: Record<string, unknown>
}

/** Any project; the test reads and writes nothing there. */
export const project = '/nonexistent/project'

export function testedPolicy({ policy, hidden, home }: TestedGate): PolicyOptions {
  return {
    allowedTools: policy?.allowedTools,
    unreadableBash: policy?.unreadableBash ?? 'allow',
    approvals: 'off',
    sandboxed: false,
    projectPath: project,
    home,
    hidden,
  }
}

/** `decisionOn` asks the gate as the engine does; undefined: the call passes. */
export async function gateProblems(
  options: TestedGate,
  decisionOn: (gate: Gate, call: TestedCall) => Promise<string | undefined> = judged,
): Promise<string[]> {
  const policy = (options.createPolicy ?? createPolicy)(testedPolicy(options))
  const decide = (by: Pick<Policy, 'decide'>, call: TestedCall) => decisionOn(gateOf(by), call)
  const problems: string[] = []
  const forbidden = [
    { tool: 'AskUserQuestion', input: {} },
    { tool: 'Bash', input: { command: 'rm -rf /' } },
    { tool: 'Write', input: { file_path: '/etc/passwd', content: '' } },
  ]
  for (const call of forbidden) {
    if ((await decide(policy, call)) !== 'deny') {
      problems.push(`The policy does not hold: it allows ${call.tool} ${JSON.stringify(call.input)}`)
    }
  }
  const honest = { tool: 'Read', input: { file_path: join(project, 'README.md') } }
  if (
    policy.decide({ ...honest, cwd: project }).decision === 'allow' &&
    (await decide(policy, honest)) !== undefined
  ) {
    problems.push('The policy does not hold: a call that it allows is blocked')
  }
  const broken = {
    decide: () => {
      throw new Error('a policy that fails')
    },
  }
  if ((await decide(broken, honest)) !== 'deny') {
    problems.push('The policy does not hold: calls pass when it fails')
  }
  return problems
}

async function judged(gate: Gate, { tool, input }: TestedCall): Promise<string | undefined> {
  const { decision } = await gate.judge({ id: 'self-test', tool, input, cwd: project, agentId: undefined })
  return decision === 'allow' ? undefined : decision
}

function gateOf(policy: Pick<Policy, 'decide'>): Gate {
  return new Gate({
    policy,
    cwd: project,
    ask: () => Promise.reject(new Error('nobody is asked during the self-test')),
    log: { warn: () => {}, info: () => {} },
  })
}
