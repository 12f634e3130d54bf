/** Reads the section `agents`: programs that speak the Agent Client Protocol, each with what it needs and no more. */
import { homedir } from 'node:os'
import type { z } from 'zod'
import type { AgentEntry } from '../config.ts'
import type { Problems } from '../problems.ts'
import type { agentSchema } from '../schema.ts'
import { type AgentPreset, agentPresetNames, presetNamed } from './presets.ts'

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
  return {
    name,
    command: [withHome(program), ...args],
    ...variables,
    network: input.network ?? preset?.network ?? [],
    mode: input.mode ?? preset?.mode,
    auth: input.auth ?? preset?.auth,
    usesGateway: preset?.gateway === 'anthropic',
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

function withHome(path: string): string {
  return path.startsWith('~/') ? `${homedir()}${path.slice(1)}` : path
}
