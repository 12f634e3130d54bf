/** Checks whether agent sessions can run, and who would answer them. */
import { homedir } from 'node:os'
import { testClaude } from '#agents/claude/engine/self-test'
import type { Config } from '#config/config'
import type { Check } from './check.ts'

const name = 'agent'

/** As docs/policy.md says it at length. */
const whatThePolicyIs =
  'the boundary of an agent is the sandbox; the policy decides which calls need approval. Without a sandbox, only commands ' +
  'that the policy can read completely run without approval, and an agent that may write and run code has all rights of its user'

/** Runs the self-test of a server's start. Jobs do not depend on it, so a problem is only a warning. */
export async function checkAgent(config: Config): Promise<Check[]> {
  const { agent, policy, dataDir } = config
  const { problems, warnings } = await testClaude({
    agent,
    policy,
    hidden: [dataDir],
    home: homedir(),
  })
  const found: Check[] = [...problems, ...warnings].map((detail) => ({ name, status: 'warn', detail }))
  if (problems.length > 0) return found
  return [
    { name, status: 'ok', detail: 'the policy holds, and the program of the agent SDK is installed' },
    { name, status: 'info', detail: whatThePolicyIs },
    ...found,
  ]
}

/** Jobs need no key, so a missing one is not an error. */
export function checkKeys(env: NodeJS.ProcessEnv): Check[] {
  const { ANTHROPIC_API_KEY: apiKey, ANTHROPIC_BASE_URL: baseUrl } = env
  const nobody = !apiKey && !baseUrl
  const answers = nobody
    ? ': a scripted demo model, not an AI, answers agent sessions'
    : `; requests go to ${baseUrl || 'the provider'}`
  return [
    { name: 'keys', status: 'info', detail: `ANTHROPIC_API_KEY is ${apiKey ? '' : 'not '}set${answers}` },
  ]
}
