/** Starts an agent's process in the sandbox. */
import { realpathSync } from 'node:fs'
import { dirname, isAbsolute } from 'node:path'
import type { SpawnOptions } from '@anthropic-ai/claude-agent-sdk'
import type { NetworkAccess, ProcessLimits, Sandbox, SandboxedProcess } from '@millrace/sandbox'
import type { Conversation } from '../transcript/restore.ts'
import { allowedEnvironment } from './environment.ts'

export interface ProcessPlace {
  sandbox: Sandbox
  runId: string
  projectPath: string
  cwd: string
  limits: ProcessLimits
  network: NetworkAccess
  /** Ports of the machine that it needs in any case: the way to its model. */
  services: readonly number[]
  /** Files for the home, which is otherwise empty. */
  conversation: Conversation | null
  cacheOwner?: string
  /** The process starts when there is something to read for it. */
  waitsForInput: boolean
  /** Called with the path of a file that was taken out of the project. */
  takenAway?(path: string): void
}

/** `read -t 0` says whether there is input, and takes none of it. */
const waiting = ['/bin/bash', '-c', 'until read -t 0; do sleep 0.02; done; exec "$0" "$@"'] as const

/** Starts what the SDK wants started, in the sandbox, with our environment in place of the SDK's. */
export async function startProcess(
  { sandbox, runId, projectPath, cwd, limits, network, services, conversation, ...place }: ProcessPlace,
  wanted: Pick<SpawnOptions, 'command' | 'args' | 'env'>,
  environment: Readonly<Record<string, string>>,
): Promise<SandboxedProcess> {
  const { command, args } = wanted
  // If the program is a script, it follows its interpreter.
  const program = isAbsolute(command) ? realPathOf(command) : command
  const files = [command, ...args.slice(0, 1)].filter(isAbsolute).map(realPathOf)
  return sandbox.spawn({
    runId,
    argv: place.waitsForInput ? [...waiting, program, ...args] : [program, ...args],
    cwd,
    env: allowedEnvironment(wanted.env, environment),
    projectPath,
    network,
    services,
    allowNestedSandbox: false,
    limits,
    onTakenAway: ({ path }) => place.takenAway?.(path),
    readPaths: files.map(dirname),
    ...(place.cacheOwner === undefined ? {} : { cacheOwner: place.cacheOwner }),
    ...(conversation === null ? {} : { homeFiles: conversation.homeFiles }),
  })
}

function realPathOf(path: string): string {
  try {
    return realpathSync(path)
  } catch (error) {
    throw new Error(`the agent SDK's program ${path} was not found`, { cause: error })
  }
}
