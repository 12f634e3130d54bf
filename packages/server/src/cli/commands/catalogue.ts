/** `millrace tools` and `millrace projects`: what can be started, and where. */
import { projectsResponse, toolsResponse } from '@millrace/protocol/schemas'
import type { Command } from 'commander'
import { callJson } from '#cli/api'
import { connect, whereOf } from '#cli/connect'
import { exitCodes } from '#cli/exit-codes'
import { type Io, printable, Terminal, table } from '#cli/terminal'
import { type CommandContext, ofServer, type ServerFlags } from './command.ts'

interface ToolsFlags extends ServerFlags {
  project?: string
}

export function declare(program: Command, { io, end }: CommandContext): void {
  ofServer(program.command('tools').description('list the tools that can be run'))
    .option('--project <id>', 'only tools of this project')
    .action(async (flags: ToolsFlags) => end(await toolsCommand(flags, io)))
  ofServer(
    program.command('projects').description('list the projects, and whether an agent can work in them'),
  ).action(async (flags: ServerFlags) => end(await projectsCommand(flags, io)))
}

async function toolsCommand(flags: ToolsFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const { server } = await connect(whereOf(flags, io))
  const answer = await callJson(server, '/api/tools', toolsResponse)
  const { project } = flags
  const tools = answer.tools.filter(({ projects }) => project === undefined || projects.includes(project))
  if (terminal.json) {
    await terminal.value({ tools })
    return exitCodes.ok
  }
  const rows = tools.map(({ id, title, args, projects }) => [
    printable(id),
    printable(args.map(({ name, required }) => (required ? name : `[${name}]`)).join(' ')),
    printable(projects.join(', ')),
    printable(title),
  ])
  await printTable(terminal, [['TOOL', 'ARGUMENTS', 'PROJECTS', 'TITLE'], ...rows])
  return exitCodes.ok
}

async function projectsCommand(flags: ServerFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const { server } = await connect(whereOf(flags, io))
  const answer = await callJson(server, '/api/projects', projectsResponse)
  if (terminal.json) {
    await terminal.value(answer)
    return exitCodes.ok
  }
  await printTable(terminal, [['PROJECT'], ...answer.projects.map(({ id }) => [printable(id)])])
  const { agent } = answer
  if (agent?.available === false)
    await terminal.note(`no agent sessions: ${agent.reason ?? 'not configured'}`)
  if (agent?.available && agent.demo)
    await terminal.note('agent sessions are answered by a scripted demo model')
  return exitCodes.ok
}

async function printTable(terminal: Terminal, rows: readonly (readonly string[])[]): Promise<void> {
  const [header = '', ...lines] = table(rows)
  await terminal.line(terminal.styled('bold', header))
  for (const line of lines) await terminal.line(line)
}
