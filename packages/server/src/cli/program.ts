/**
 * The command line: which commands there are. Each declares itself in its file; only the file of the
 * command that runs is loaded, so that a client starts without what a server needs.
 */
import { ClientError } from '@millrace/client'
import { Command, CommanderError } from 'commander'
import type { CommandContext, CommandModule } from '#cli/commands/command'
import { packageVersion } from '#compose/package-version'
import { explain } from './api.ts'
import { exitCodes } from './exit-codes.ts'
import { CliError, type Io, reportFailure } from './terminal.ts'

/** In the order of the help. */
const commands: readonly { names: readonly string[]; load(): Promise<CommandModule> }[] = [
  { names: ['serve'], load: () => import('#cli/commands/serve') },
  { names: ['run'], load: () => import('#cli/commands/run') },
  { names: ['follow'], load: () => import('#cli/commands/follow') },
  { names: ['ask', 'resume', 'fork', 'retry'], load: () => import('#cli/commands/ask') },
  { names: ['acp'], load: () => import('#cli/editor/command') },
  { names: ['approve', 'deny', 'say', 'finish'], load: () => import('#cli/commands/answer') },
  { names: ['worktrees'], load: () => import('#cli/worktrees/command') },
  { names: ['tools', 'projects'], load: () => import('#cli/commands/catalogue') },
  { names: ['runs'], load: () => import('#cli/commands/runs') },
  { names: ['show'], load: () => import('#cli/commands/show') },
  { names: ['abort'], load: () => import('#cli/commands/abort') },
  { names: ['login'], load: () => import('#cli/commands/login') },
  { names: ['token'], load: () => import('#cli/commands/token') },
  { names: ['prune'], load: () => import('#cli/commands/prune') },
  { names: ['backup', 'restore'], load: () => import('#cli/commands/backup') },
  { names: ['init'], load: () => import('#cli/commands/setup/init') },
  { names: ['config'], load: () => import('#cli/commands/setup/config') },
  { names: ['doctor'], load: () => import('#cli/commands/doctor') },
]

/** Runs one command and returns its exit code. Errors go to stderr. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let code: number = exitCodes.ok
  const end = (ended: number) => {
    code = ended
  }
  try {
    const program = await build(argv, { io, end })
    await program.parseAsync(argv, { from: 'user' })
    return code
  } catch (error) {
    // Commander has reported it by now; help and version are no failures.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
    const failure = error instanceof ClientError ? new CliError(explain(error), exitCodes.unavailable) : error
    await reportFailure(io, failure, argv.includes('--json'))
    return failure instanceof CliError ? failure.exitCode : exitCodes.unavailable
  }
}

async function build(argv: readonly string[], context: CommandContext): Promise<Command> {
  const { stdout, stderr } = context.io
  const program = new Command('millrace')
    .description('Runs long-lived work and streams everything it does: live, durable, resumable.')
    .version(packageVersion)
    .exitOverride()
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .addHelpText('after', help)
  const name = argv.find((argument) => !argument.startsWith('-'))
  const called = commands.filter(({ names }) => name !== undefined && names.includes(name))
  // For the help, or to suggest a name, all of them are needed.
  for (const { load } of called.length > 0 ? called : commands) (await load()).declare(program, context)
  return program
}

const help = `
Exit codes of run, ask, resume, fork, retry and follow:
  the code of the run's program; 128+n if signal n ended it; 124 if it timed out
  0 completed   1 could not start, or failed   75 interrupted by a stop of the server   130 aborted
  125 Millrace itself failed (no server, refused, gave up waiting)   2 wrong usage
The token for --url is read from MILLRACE_TOKEN.`
