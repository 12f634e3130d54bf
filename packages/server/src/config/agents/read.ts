/** Reads the section `agents`: programs that speak the Agent Client Protocol, each with what it needs and no more. */
import { homedir } from 'node:os'
import type { z } from 'zod'
import type { AgentEntry, AgentGateway } from '../config.ts'
import type { Problems } from '../problems.ts'
import { type agentSchema, httpUrl } from '../schema.ts'
import { type AgentPreset, agentPresetNames, type PresetGateway, presetNamed } from './presets.ts'

/** The agent that the server brings along; a request that names no agent means it. */
export const builtInAgent = 'claude'

type AgentInput = z.infer<typeof agentSchema>

/** Variables that belong to the run. */
const reserved = /^(PATH|HOME|TMPDIR|MILLRACE_.*)$/i

export function readAgents(
  section: Readonly<Record<string, AgentInput>>,
  env: NodeJS.ProcessEnv,
  problems: Problems,
): Map<string, AgentEntry> {
  const agents = new Map<string, AgentEntry>()
  for (const [name, input] of Object.entries(section)) {
    const at = `agents.${name}`
    if (name === builtInAgent) {
      problems.add(
        at,
        `another name: "${builtInAgent}" is the built-in agent; its adapter is the preset claude-acp`,
      )
      continue
    }
    const preset = presetNamed(input.preset ?? name)
    const command = input.command ?? preset?.command
    if (command === undefined) {
      problems.add(
        `${at}.command`,
        `the program and its arguments; "${name}" is none of the presets ${agentPresetNames.join(', ')}`,
      )
      continue
    }
    agents.set(name, readAgent({ name, input, preset, command, env }, problems))
  }
  return agents
}

interface AgentParts {
  name: string
  input: AgentInput
  preset: AgentPreset | undefined
  command: readonly string[]
  env: NodeJS.ProcessEnv
}

function readAgent({ name, input, preset, command, env }: AgentParts, problems: Problems): AgentEntry {
  const [program = '', ...args] = command
  const variables = readVariables(
    `agents.${name}`,
    { ...preset?.env, ...input.env },
    input.env ?? {},
    env,
    problems,
  )
  const { gateway, env: own } = behindGateway(`agents.${name}`, preset?.gateway, variables.env, problems)
  return {
    name,
    command: [withHome(program), ...args],
    env: own,
    secrets: [...new Set([...variables.secrets, ...(gateway?.upstream ? [gateway.upstream.apiKey] : [])])],
    // The preset's network is the way to the vendor.
    network: input.network ?? (gateway === null ? preset?.network : undefined) ?? [],
    mode: input.mode ?? preset?.mode,
    auth: input.auth ?? preset?.auth,
    gateway,
    // An entry that starts it otherwise may change that.
    asks: [input.command, input.mode, input.env].every((one) => one === undefined)
      ? (preset?.asks ?? null)
      : null,
    read: (input.read ?? []).map(withHome),
    files: new Map(Object.entries(input.files ?? {})),
    stallSeconds: input.stallSeconds,
    limits: input.limits ?? {},
  }
}

/** Without a variable of a preset the agent may still have another way to its model; one that the file names must be set. */
function readVariables(
  at: string,
  all: Readonly<Record<string, string | { env: string }>>,
  own: object,
  env: NodeJS.ProcessEnv,
  problems: Problems,
): Pick<AgentEntry, 'env' | 'secrets'> {
  const values: Record<string, string> = {}
  const secrets: string[] = []
  for (const [name, given] of Object.entries(all)) {
    if (reserved.test(name))
      problems.add(`${at}.env.${name}`, 'another name: the server sets this variable itself')
    const value = typeof given === 'string' ? given : env[given.env]
    if (value === undefined || value === '') {
      if (name in own && typeof given !== 'string')
        problems.add(
          `${at}.env.${name}.env`,
          `a variable of the server's environment; ${given.env} is not set`,
        )
      continue
    }
    values[name] = value
    if (typeof given !== 'string') secrets.push(value)
  }
  return { env: values, secrets }
}

/** Takes the key out of the agent's environment, where there is one. */
function behindGateway(
  at: string,
  preset: PresetGateway | undefined,
  env: Readonly<Record<string, string>>,
  problems: Problems,
): { gateway: AgentGateway | null; env: Readonly<Record<string, string>> } {
  if (preset === undefined) return { gateway: null, env }
  const { vendor, variables } = preset
  if (variables === undefined) return { gateway: { vendor, upstream: null }, env }
  const { [variables.key]: apiKey, [variables.baseUrl]: given, ...others } = env
  // Without a key it logs in by itself; with a provider of its own it knows where its model is.
  if (apiKey === undefined || variables.own.some((name) => name in env)) return { gateway: null, env }
  if (!/^[\x21-\x7e]+$/.test(apiKey))
    problems.add(`${at}.env.${variables.key}`, 'visible ASCII characters, without spaces')
  const baseUrl =
    given === undefined ? preset.baseUrl : problems.parse(`${at}.env.${variables.baseUrl}`, httpUrl, given)
  // Programs of OpenAI have the version of the API in its address; their requests have it, too.
  const upstream = { baseUrl: (baseUrl ?? '').replace(/\/v1\/?$/, ''), apiKey }
  return { gateway: { vendor, upstream }, env: others }
}

function withHome(path: string): string {
  return path.startsWith('~/') ? `${homedir()}${path.slice(1)}` : path
}
