/** `millrace abort`: ends a run. */
import { runResponse } from '@millrace/protocol/schemas'
import type { Command } from 'commander'
import { callJson, runPath } from '#cli/api'
import { connect, whereOf } from '#cli/connect'
import { exitCodes } from '#cli/exit-codes'
import { findRunId, runArgument } from '#cli/run-id'
import { type Io, Terminal } from '#cli/terminal'
import { type CommandContext, ofServer, type ServerFlags } from './command.ts'

export function declare(program: Command, { io, end }: CommandContext): void {
  ofServer(program.command('abort').argument('<run>', runArgument).description('end a run')).action(
    async (run: string, flags: ServerFlags) => end(await abortCommand(run, flags, io)),
  )
}

async function abortCommand(given: string, flags: ServerFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const { server } = await connect(whereOf(flags, io))
  const path = `${runPath(await findRunId(server, given))}/abort`
  const answer = await callJson(server, path, runResponse, { method: 'POST' })
  if (terminal.json) await terminal.value(answer)
  else await terminal.line(`${answer.run.id} ${answer.run.state}`)
  return exitCodes.ok
}
