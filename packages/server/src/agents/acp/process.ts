/** Starts an agent's program in the sandbox. */
import { realpathSync } from 'node:fs'
import { dirname, isAbsolute } from 'node:path'
import type { ProcessLimits, Sandbox, SandboxedProcess } from '@millrace/sandbox'
import type { AgentTask } from '#agents/agent'
import { directVariables } from '#agents/connection'
import type { AgentEntry, AgentGateway } from '#config/config'
import type { Conversation } from './conversation.ts'

export interface ProcessPlace {
  task: Pick<AgentTask, 'runId' | 'projectPath' | 'cwd'>
  entry: AgentEntry
  sandbox: Sandbox
  /** Of every run. */
  environment: Readonly<Record<string, string>>
  limits: ProcessLimits
  resumes: Conversation | null
  /** Where its model is, if the server stands between the two. */
  gateway: { url: string; token: string } | null
}

/** The entry of the configuration may override these. */
const usual: Readonly<Record<string, string>> = {
  LANG: 'C.UTF-8',
  LC_ALL: 'C.UTF-8',
  TERM: 'dumb',
  NO_COLOR: '1',
  NO_BROWSER: '1',
  SHELL: '/bin/bash',
}

export async function startProcess(place: ProcessPlace): Promise<SandboxedProcess> {
  const { task, entry, sandbox, limits, resumes, gateway } = place
  const [program, ...args] = entry.command
  // A script follows its interpreter.
  const files = [program, ...args.slice(0, 1)].filter(isAbsolute).map(realPathOf)
  return sandbox.spawn({
    runId: task.runId,
    argv: [isAbsolute(program) ? realPathOf(program) : program, ...args],
    cwd: task.cwd,
    env: environmentOf(place),
    projectPath: task.projectPath,
    network: networkOf(entry.network),
    ...(gateway === null ? {} : { services: [Number(new URL(gateway.url).port)] }),
    allowNestedSandbox: false,
    limits,
    readPaths: [...files.map(dirname), ...entry.read],
    homeFiles: entry.files,
    keptHome: { name: task.runId, ...(resumes === null ? {} : { copyOf: resumes.home }) },
  })
}

export function environmentOf({
  entry,
  environment,
  gateway,
}: Pick<ProcessPlace, 'entry' | 'environment' | 'gateway'>): Record<string, string> {
  const own = { ...usual, ...environment, ...entry.env }
  // The gateway, and servers of MCP on this machine, are where no proxy leads.
  const isProxied = Object.keys(own).some((name) => /^(https?|all)_proxy$/i.test(name))
  const env = isProxied || gateway !== null ? { ...own, ...directVariables(own) } : own
  if (gateway === null) return env
  return { ...env, ...toGateway[entry.gateway?.vendor ?? 'anthropic'](gateway) }
}

/** How each vendor's agent finds the gateway. */
const toGateway: Readonly<
  Record<AgentGateway['vendor'], (gateway: { url: string; token: string }) => Record<string, string>>
> = {
  anthropic: ({ url, token }) => ({
    ANTHROPIC_BASE_URL: url,
    ANTHROPIC_AUTH_TOKEN: token,
    // The only requests are those to the model, through the gateway.
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    DISABLE_AUTOUPDATER: '1',
  }),
  // Codex takes another address only for a provider that has another name.
  openai: ({ url, token }) => ({
    OPENAI_API_KEY: token,
    OPENAI_BASE_URL: `${url}/v1`,
    MODEL_PROVIDER: 'millrace',
    CODEX_CONFIG: JSON.stringify({
      model_providers: {
        millrace: {
          name: 'Millrace',
          base_url: `${url}/v1`,
          wire_api: 'responses',
          env_key: 'OPENAI_API_KEY',
        },
      },
    }),
  }),
  google: ({ url, token }) => ({ GEMINI_API_KEY: token, GOOGLE_GEMINI_BASE_URL: url }),
}

/** An empty list of destinations is no network at all. */
function networkOf(network: AgentEntry['network']): AgentEntry['network'] {
  return Array.isArray(network) && network.length === 0 ? false : network
}

function realPathOf(path: string): string {
  try {
    return realpathSync(path)
  } catch (error) {
    throw new Error(`the agent's program ${path} was not found`, { cause: error })
  }
}
