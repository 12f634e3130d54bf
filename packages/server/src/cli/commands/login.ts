/** `millrace login`: prints an address that logs one browser in. */
import type { Command } from 'commander'
import { z } from 'zod'
import { callJson } from '#cli/api'
import { connect, whereOf } from '#cli/connect'
import { exitCodes } from '#cli/exit-codes'
import { CliError, type Io, Terminal } from '#cli/terminal'
import { type CommandContext, ofServer, type ServerFlags } from './command.ts'

const loginCode = z.object({ url: z.url(), expiresAt: z.number() })

interface LoginFlags extends ServerFlags {
  user?: string
  admin?: boolean
}

export function declare(program: Command, { io, end }: CommandContext): void {
  ofServer(program.command('login').description('print an address that logs one browser in, once'))
    .option('--user <name>', 'log in as this user; for admins (default: the owner of the token)')
    .option('--admin', 'as an admin, with --user')
    .action(async (flags: LoginFlags) => end(await loginCommand(flags, io)))
}

async function loginCommand(flags: LoginFlags, io: Io): Promise<number> {
  if (flags.admin && flags.user === undefined) {
    throw new CliError('--admin needs --user: the name to log in as', exitCodes.usage)
  }
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const { server } = await connect(whereOf(flags, io))
  const login = await callJson(server, '/api/login-codes', loginCode, {
    method: 'POST',
    ...(flags.user === undefined ? {} : { body: { user: flags.user, admin: flags.admin ?? false } }),
  })
  if (terminal.json) await terminal.value(login)
  else await terminal.line(login.url)
  return exitCodes.ok
}
