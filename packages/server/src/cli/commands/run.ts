/** `millrace run`: runs a tool, and shows its output to the end. */
import { runResponse, toolsResponse } from '@millrace/protocol/schemas'
import type { Command } from 'commander'
import type { z } from 'zod'
import { callJson } from '#cli/api'
import { connect, type Server, whereOf } from '#cli/connect'
import { exitCodes } from '#cli/exit-codes'
import { CliError, type Io, Terminal } from '#cli/terminal'
import { nearest } from '#config/nearest'
import { type CommandContext, ctrlC, type FollowFlags, following } from './command.ts'
import { showOwn } from './follow.ts'

interface RunFlags extends FollowFlags {
  project?: string
  /** `name=value` each. */
  arg: string[]
}

export function declare(program: Command, { io, end }: CommandContext): void {
  following(program.command('run').argument('<tool>').description('run a tool and follow it to its end'))
    .option('--project <id>', 'where to run it (not needed if the tool has one project)')
    .option('--arg <name=value>', 'an argument of the tool; repeatable', collect, [])
    .addHelpText('after', ctrlC)
    .action(async (tool: string, flags: RunFlags) => end(await runCommand(tool, flags, io)))
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value]
}

async function runCommand(toolId: string, flags: RunFlags, io: Io): Promise<number> {
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
    if (split < 1)
      throw new CliError(`--arg expects name=value, not ${JSON.stringify(pair)}`, exitCodes.usage)
    args[pair.slice(0, split)] = pair.slice(split + 1)
  }
  return args
}

/** The project of a tool that has only one; otherwise the caller must choose. */
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
  const hint =
    meant === undefined ? `available tools: ${ids.join(', ') || '(none)'}` : `did you mean ${meant}?`
  return `no tool is named ${toolId}; ${hint}`
}
