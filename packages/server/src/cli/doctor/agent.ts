/** Can agent sessions be run, and who would answer them? */
import { homedir } from 'node:os'
import { checkClaudeRunner } from '#agents/claude/check'
import type { Config } from '#config/config'
import type { Check } from './check.ts'

const name = 'agent'

/** The self-test of a server's start. Jobs run without it: what is wrong is a warning. */
export async function checkAgent(config: Config): Promise<Check[]> {
  const { agent, policy, dataDir } = config
  const { problems, warnings } = await checkClaudeRunner({
    agent,
    policy,
    // Nothing is asked of it here.
    model: { baseUrl: 'http://127.0.0.1', apiKey: undefined, demo: false },
    hidden: [dataDir],
    home: homedir(),
  })
  const found: Check[] = [...problems, ...warnings].map((detail) => ({ name, status: 'warn', detail }))
  if (problems.length > 0) return found
  return [{ name, status: 'ok', detail: 'the policy holds, and the agent SDK has its program' }, ...found]
}

/** Jobs need no key: its absence is no fault. */
export function checkKeys(env: NodeJS.ProcessEnv): Check[] {
  const { ANTHROPIC_API_KEY: apiKey, ANTHROPIC_BASE_URL: baseUrl } = env
  const nobody = !apiKey && !baseUrl
  const answers = nobody
    ? ': the scripted demo model answers agent sessions, and no AI'
    : `; requests go to ${baseUrl || 'the provider'}`
  return [
    { name: 'keys', status: 'info', detail: `ANTHROPIC_API_KEY is ${apiKey ? '' : 'not '}set${answers}` },
  ]
}
