/** `millrace login`: prints an address that logs one browser in. */
import type { Command } from 'commander'
import { z } from 'zod'
import { callJson } from '#cli/api'
import { connect, whereOf } from '#cli/connect'
import { exitCodes } from '#cli/exit-codes'
import { type Io, Terminal } from '#cli/terminal'
import { type CommandContext, ofServer, type ServerFlags } from './command.ts'

const loginCode = z.object({ url: z.url(), expiresAt: z.number() })

export function declare(program: Command, { io, end }: CommandContext): void {
  ofServer(program.command('login').description('print an address that logs a browser in, once')).action(
    async (flags: ServerFlags) => end(await loginCommand(flags, io)),
  )
}

async function loginCommand(flags: ServerFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const { server } = await connect(whereOf(flags, io))
  const login = await callJson(server, '/api/login-codes', loginCode, { method: 'POST' })
  if (terminal.json) await terminal.value(login)
  else await terminal.line(login.url)
  return exitCodes.ok
}
