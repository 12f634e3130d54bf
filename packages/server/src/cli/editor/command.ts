/** `millrace acp`: an editor that speaks the Agent Client Protocol starts it, and talks to sessions on the server. */
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { call, createClient } from '@millrace/client'
import { projectsResponse } from '@millrace/protocol/schemas'
import type { Command } from 'commander'
import { z } from 'zod'
import { callJson, runPath } from '#cli/api'
import { type CommandContext, ofServer, type ServerFlags } from '#cli/commands/command'
import { connect, type Server, whereOf } from '#cli/connect'
import { exitCodes } from '#cli/exit-codes'
import { whereabouts } from '#cli/follow'
import { CliError, type Io } from '#cli/terminal'
import { packageVersion } from '#compose/package-version'
import { stateRoot } from '#config/data-dir'
import { editorAgent } from './agent.ts'
import { Bindings } from './bindings.ts'

interface EditorFlags extends ServerFlags {
  project?: string
  agent?: string
  model?: string
}

export function declare(program: Command, { io, end }: CommandContext): void {
  ofServer(
    program
      .command('acp')
      .description('serve an editor over stdio (Agent Client Protocol): its sessions run on the server'),
  )
    .option('--project <id>', 'the project of its sessions (may be omitted if there is only one)')
    .option('--agent <name>', 'the agent, by its name in the configuration (default: claude)')
    .option('--model <name>', 'the model (default: as configured)')
    .action(async (flags: EditorFlags) => end(await serveEditor(flags, io)))
}

const accepted = z.object({ messageId: z.string() })

async function serveEditor(flags: EditorFlags, io: Io): Promise<number> {
  const { stdin } = io
  if (stdin === undefined)
    throw new CliError('standard input is closed: this command is started by an editor', exitCodes.usage)
  const connection = await connect(whereOf(flags, io))
  const { agent, model, project = await onlyProject(connection.server) } = flags
  const acp = await import('@agentclientprotocol/sdk')
  const place = whereabouts(connection)
  const { app, close } = editorAgent({
    acp,
    client: createClient(place),
    bindings: new Bindings(join(stateRoot(io.env), 'editor-sessions.json')),
    start: { project, ...(agent === undefined ? {} : { agent }), ...(model === undefined ? {} : { model }) },
    say: async (runId, text) =>
      accepted.parse(
        await call(place, { method: 'POST', path: `${runPath(runId)}/messages`, body: { text } }),
      ).messageId,
    version: packageVersion,
  })
  const output = Writable.toWeb(io.stdout as Writable) as WritableStream<Uint8Array>
  const input = Readable.toWeb(stdin as unknown as Readable) as ReadableStream<Uint8Array>
  const { closed } = app.connect(acp.ndJsonStream(output, input))
  await closed
  close()
  return exitCodes.ok
}

async function onlyProject(server: Server): Promise<string> {
  const { projects } = await callJson(server, '/api/projects', projectsResponse)
  const [first, ...others] = projects
  if (first !== undefined && others.length === 0) return first.id
  const list = projects.map(({ id }) => id).join(', ')
  throw new CliError(`choose a project with --project: ${list || 'this server has none'}`, exitCodes.usage)
}
