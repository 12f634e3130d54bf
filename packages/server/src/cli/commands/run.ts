/** `millrace run`: runs a tool, and shows its output to the end. */
import { projectsResponse, runResponse, toolsResponse } from '@millrace/protocol/schemas'
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
  following(
    program
      .command('run')
      .argument('<tool>', 'its id, or a unique ending of it (test for npm:test)')
      .description('run a tool and follow it to its end'),
  )
    .option('--project <id>', 'the project to run it in (may be omitted if the tool has only one)')
    .option('--arg <name=value>', 'an argument of the tool; repeatable', collect, [])
    .addHelpText('after', ctrlC)
    .action(async (tool: string, flags: RunFlags) => end(await runCommand(tool, flags, io)))
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value]
}

async function runCommand(name: string, flags: RunFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const args = readArgs(flags.arg)
  const connection = await connect(whereOf(flags, io))
  const tool = await findTool(connection.server, name, flags.project)
  const project = flags.project ?? onlyProject(tool)
  const { run } = await callJson(connection.server, '/api/runs', runResponse, {
    method: 'POST',
    body: { kind: 'job', project, tool: tool.id, args },
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

type ListedTool = z.infer<typeof toolsResponse>['tools'][number]

/**
 * The tool of this id; else the only one whose id ends with it, after a colon (`test` is `npm:test`) or, failing
 * that, anywhere.
 */
async function findTool(server: Server, name: string, project: string | undefined): Promise<ListedTool> {
  const { tools } = await callJson(server, '/api/tools', toolsResponse)
  const exact = tools.find(({ id }) => id === name)
  if (exact !== undefined) return exact
  const here = tools.filter(({ projects }) => project === undefined || projects.includes(project))
  if (project !== undefined && here.length === 0) throw await noToolIn(server, project)
  const afterColon = here.filter(({ id }) => id.endsWith(`:${name}`))
  const [found, ...others] = afterColon.length > 0 ? afterColon : here.filter(({ id }) => id.endsWith(name))
  if (found === undefined) throw new CliError(unknownTool(name, here), exitCodes.unavailable)
  if (others.length === 0) return found
  const ids = [found, ...others].map(({ id }) => id)
  throw new CliError(`${name} may be any of several tools; name one: ${ids.join(', ')}`, exitCodes.usage)
}

/** The project of a tool that has only one; otherwise the caller must choose. */
function onlyProject({ id, projects }: ListedTool): string {
  const [first, ...others] = projects
  if (first !== undefined && others.length === 0) return first
  throw new CliError(
    `${id} can run in several projects; choose one with --project: ${projects.join(', ')}`,
    exitCodes.usage,
  )
}

async function noToolIn(server: Server, project: string): Promise<CliError> {
  const { projects } = await callJson(server, '/api/projects', projectsResponse)
  const ids = projects.map(({ id }) => id)
  const text = ids.includes(project)
    ? `no tool can run in ${project}`
    : `no project is named ${project}; available projects: ${ids.join(', ') || '(none)'}`
  return new CliError(text, exitCodes.unavailable)
}

/** The name may be mistyped as a whole, or as an ending that begins after a colon. */
function unknownTool(name: string, tools: readonly ListedTool[]): string {
  const ids = tools.map((tool) => tool.id)
  const afterColon = ids.map((id) => id.slice(id.indexOf(':') + 1))
  const meant = nearest(name, ids) ?? ids[afterColon.indexOf(nearest(name, afterColon) ?? '')]
  const hint =
    meant === undefined ? `available tools: ${ids.join(', ') || '(none)'}` : `did you mean ${meant}?`
  return `no tool is named ${name}; ${hint}`
}
