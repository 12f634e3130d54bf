/** `millrace doctor`: tests what a server needs, and reports the results. */
import type { Command } from 'commander'
import type { Check } from '#cli/doctor/check'
import { exitCodes } from '#cli/exit-codes'
import { type Io, printable, Terminal } from '#cli/terminal'
import type { ConfigFlags } from '#config/settings'
import { type CommandContext, type JsonFlags, withJson } from './command.ts'

export interface DoctorFlags extends Pick<ConfigFlags, 'config' | 'data'>, JsonFlags {
  url?: string
}

export function declare(program: Command, { io, end }: CommandContext): void {
  withJson(program.command('doctor').description('check everything a server needs'))
    .option('--config <file>', 'configuration file')
    .option('--data <dir>', 'data directory')
    .option('--url <url>', 'also measure whether a proxy in front of this server buffers streams')
    .action(async (flags: DoctorFlags) => end(await doctorCommand(flags, io)))
}

export async function doctorCommand({ json = false, ...flags }: DoctorFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json })
  // It also tests the agent engine: too much to load for a help text.
  const { runChecks } = await import('#cli/doctor/checks')
  const checks = await runChecks(flags, io)
  const healthy = checks.every((check) => check.status !== 'fail')
  if (terminal.json) await terminal.value({ ok: healthy, checks })
  else await show(checks, terminal)
  return healthy ? exitCodes.ok : exitCodes.failed
}

const marks = { ok: 'ok', info: '--', warn: '!!', fail: 'XX' } as const
const styles = { ok: 'green', info: 'dim', warn: 'yellow', fail: 'red' } as const

async function show(checks: readonly Check[], terminal: Terminal): Promise<void> {
  const width = Math.max(...checks.map((check) => check.name.length))
  let last = ''
  for (const { name, status, detail } of checks) {
    const title = name === last ? '' : name
    last = name
    const mark = terminal.styled(styles[status], marks[status])
    await terminal.line(`${title.padEnd(width)}  ${mark}  ${printable(detail)}`)
  }
}
