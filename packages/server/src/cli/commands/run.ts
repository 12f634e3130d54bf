/** `millrace run`: starts a tool and shows it until it ends. */
import { runResponse, toolsResponse } from '@millrace/protocol'
import type { z } from 'zod'
import { callJson } from '#cli/api'
import { connect, type Server, whereOf } from '#cli/connect'
import { exitCodes } from '#cli/exit-codes'
import { CliError, type Io, Terminal } from '#cli/terminal'
import { nearest } from '#config/nearest'
import { type FollowFlags, showOwn } from './follow.ts'

export interface RunFlags extends FollowFlags {
  project?: string
  /** `name=value` each. */
  arg: string[]
}

export async function runCommand(toolId: string, flags: RunFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const args = readArgs(flags.arg)
  const connection = await connect(whereOf(flags, io))
  const project = flags.project ?? (await onlyProject(connection.server, toolId))
  const { run } = await callJson(connection.server, '/api/runs', runResponse, {
    method: 'POST',
    body: { kind: 'job', project, tool: toolId, args },
  })
  return showOwn({ run, connection, terminal, io, waitSeconds: flags.wait })
}

function readArgs(pairs: readonly string[]): Record<string, string> {
  const args: Record<string, string> = {}
  for (const pair of pairs) {
    const split = pair.indexOf('=')
    if (split < 1) throw new CliError(`--arg wants name=value, not ${JSON.stringify(pair)}`, exitCodes.usage)
    args[pair.slice(0, split)] = pair.slice(split + 1)
  }
  return args
}

/** The project of a tool that has only one; otherwise a person has to choose. */
async function onlyProject(server: Server, toolId: string): Promise<string> {
  const { tools } = await callJson(server, '/api/tools', toolsResponse)
  const tool = tools.find((candidate) => candidate.id === toolId)
  if (tool === undefined) throw new CliError(unknownTool(toolId, tools), exitCodes.unavailable)
  const [first, ...others] = tool.projects
  if (first !== undefined && others.length === 0) return first
  throw new CliError(
    `${toolId} can run in several projects; choose one with --project: ${tool.projects.join(', ')}`,
    exitCodes.usage,
  )
}

function unknownTool(toolId: string, tools: z.infer<typeof toolsResponse>['tools']): string {
  const ids = tools.map((tool) => tool.id)
  const meant = nearest(toolId, ids)
  const hint = meant === undefined ? `the tools are: ${ids.join(', ') || '(none)'}` : `did you mean ${meant}?`
  return `there is no tool ${toolId}; ${hint}`
}
