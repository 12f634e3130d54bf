/** The environment of an agent's process: an allow-list, with nothing of the server's own. */
import { directVariables } from '#agents/connection'
import { isReservedVariable } from '#config/agent-settings'
import type { AgentSettings } from '#config/config'

/** Set by us, whatever the configuration says. */
const fixed: Readonly<Record<string, string>> = {
  SHELL: '/bin/bash',
  // The only requests are those to the model, through the gateway.
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  // A command that outlives its turn would outlive the result of the session.
  CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: '1',
  CLAUDE_CODE_DISABLE_CRON: '1',
  // "@/some/file" in a prompt would be read without a call for the policy to judge.
  CLAUDE_CODE_DISABLE_FILE_MENTIONS: '1',
  // Its folder is outside the project, and gone with the run's home.
  CLAUDE_CODE_DISABLE_AUTO_MEMORY: '1',
  DISABLE_AUTOUPDATER: '1',
}

/** The configuration may override these. */
const usual: Readonly<Record<string, string>> = {
  LANG: 'C.UTF-8',
  LC_ALL: 'C.UTF-8',
  TERM: 'dumb',
  // In a git repository, the result of a command has the files that it changed.
  CLAUDE_CODE_BASH_EDIT_DIFF: '1',
  CLAUDE_AGENT_SDK_CLIENT_APP: 'millrace',
}

/** What the SDK tells its process about itself. */
const ofTheSdk = [
  'CLAUDE_CODE_ENTRYPOINT',
  'CLAUDE_AGENT_SDK_VERSION',
  'CLAUDE_CODE_SDK_READS_SESSION_STATE',
  'CLAUDE_CODE_SDK_READS_STARTUP_MARKS',
]

export function agentEnvironment(
  agent: AgentSettings | undefined,
  gateway: { url: string; token: string },
  everyRun: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const configured = { ...unreserved(everyRun), ...configuredEnvironment(agent) }
  return {
    ...usual,
    ...configured,
    ...fixed,
    ...directVariables(configured),
    ANTHROPIC_BASE_URL: gateway.url,
    ANTHROPIC_AUTH_TOKEN: gateway.token,
  }
}

/** Reduces the environment that the SDK wants for its process to what we gave it and what it says about itself. */
export function allowedEnvironment(
  given: Readonly<Record<string, string | undefined>>,
  ours: Readonly<Record<string, string>>,
): Record<string, string> {
  const own = ofTheSdk.flatMap((name) => {
    const value = given[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return { ...Object.fromEntries(own), ...ours }
}

function unreserved(env: object): Record<string, string> {
  const allowed = Object.entries(env).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string' && !isReservedVariable(entry[0]),
  )
  return Object.fromEntries(allowed)
}

function configuredEnvironment(agent: AgentSettings | undefined): Record<string, string> {
  const env = agent?.env
  if (env === null || typeof env !== 'object' || Array.isArray(env)) return {}
  return unreserved(env)
}
