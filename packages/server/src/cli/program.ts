/** The command line: which commands there are, and what they take. Parts are loaded when a command needs them. */
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import type { BackupFlags } from '#cli/commands/backup'
import { type End, following, json, local } from '#cli/commands/declare'
import { declareSessions } from '#cli/commands/declare-sessions'
import type { FollowFlags } from '#cli/commands/follow'
import type { PruneFlags } from '#cli/commands/prune'
import type { RunFlags } from '#cli/commands/run'
import type { ServeFlags, ServeParts } from '#cli/commands/serve'
import type { RunsFlags, ServerFlags } from '#cli/commands/short'
import type { CreateTokenFlags, OpenCredentials, TokenFlags } from '#cli/commands/token'
import { packageVersion } from '#compose/package-version'
import { exitCodes } from './exit-codes.ts'
import { CliError, type Io, reportFailure } from './terminal.ts'

/** What only the program's entry may know. */
export interface ProgramParts extends ServeParts {
  openCredentials(): Promise<OpenCredentials>
}

/** Runs one command and returns its exit code. Errors are told on stderr. */
export async function main(argv: readonly string[], io: Io, parts: ProgramParts): Promise<number> {
  let code: number = exitCodes.ok
  const program = build(io, parts, (ended) => {
    code = ended
  })
  try {
    await program.parseAsync(argv, { from: 'user' })
    return code
  } catch (error) {
    // Commander has told the rest itself by now; help and version are no failure.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
    await reportFailure(io, error, argv.includes('--json'))
    return error instanceof CliError ? error.exitCode : exitCodes.unavailable
  }
}

function build(io: Io, parts: ProgramParts, end: End): Command {
  const program = new Command('millrace')
    .description('Runs long-lived work and streams everything it does: live, durable, resumable.')
    .version(packageVersion)
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) })
    .addHelpText('after', help)

  json(program.command('serve').description('start a server'))
    .option('--config <file>', 'configuration file (default: millrace.config.{ts,js,json} if there is one)')
    .option('--host <host>', 'address to listen on (default: 127.0.0.1)')
    .option('--port <port>', 'port to listen on, 0 for any (default: 4000)')
    .option('--data <dir>', 'data directory, outside every project')
    .action(async (flags: ServeFlags) => {
      const { serveCommand } = await import('#cli/commands/serve')
      end(await serveCommand(flags, io, parts))
    })

  following(program.command('run').argument('<tool>').description('run a tool and follow it to its end'))
    .option('--project <id>', 'where to run it (not needed for a tool of one project)')
    .option('--arg <name=value>', 'an argument of the tool; may be repeated', collect, [])
    .addHelpText('after', '\nCtrl-C aborts the run and waits for its end; another one leaves at once.')
    .action(async (tool: string, flags: RunFlags) => {
      const { runCommand } = await import('#cli/commands/run')
      end(await runCommand(tool, flags, io))
    })

  following(
    program.command('follow').argument('<run>').description('follow a run from its beginning to its end'),
  )
    .addHelpText('after', '\nCtrl-C leaves; the run goes on.')
    .action(async (run: string, flags: FollowFlags) => {
      const { followCommand } = await import('#cli/commands/follow')
      end(await followCommand(run, flags, io))
    })

  declareSessions(program, io, end)

  local(program.command('runs').description('list runs, newest first'))
    .option('--kind <kind>', 'only runs of this kind')
    .option('--state <state>', 'only runs in this state')
    .option('--project <id>', 'only runs in this project')
    .option('--limit <n>', 'how many')
    .option('--cursor <cursor>', 'where the page before ended')
    .action(async (flags: RunsFlags) => {
      const { runsCommand } = await import('#cli/commands/short')
      end(await runsCommand(flags, io))
    })

  local(program.command('abort').argument('<run>').description('end a run')).action(
    async (run: string, flags: ServerFlags) => {
      const { abortCommand } = await import('#cli/commands/short')
      end(await abortCommand(run, flags, io))
    },
  )

  local(program.command('login').description('print an address that logs a browser in, once')).action(
    async (flags: ServerFlags) => {
      const { loginCommand } = await import('#cli/commands/short')
      end(await loginCommand(flags, io))
    },
  )

  tokens(program.command('token').description('make, list and revoke tokens of users'), io, parts, end)

  upkeep(program, io, end)

  json(program.command('doctor').description('try out what a server needs'))
    .option('--config <file>', 'configuration file')
    .option('--data <dir>', 'data directory')
    .option('--url <url>', 'also measure whether anything on the way to this server buffers streams')
    .action(async (flags: { config?: string; data?: string; url?: string; json?: boolean }) => {
      const { doctorCommand } = await import('#cli/doctor/doctor-command')
      end(await doctorCommand(flags, io))
    })
  return program
}

/** Commands that work on a data directory, with or without its server. */
function upkeep(program: Command, io: Io, end: End): void {
  local(program.command('prune').description('delete old runs, and the beginnings of long logs'))
    .option('--days <n>', 'runs that were over so long ago (default: as configured)', days)
    .option('--events <n>', 'how many events of every other log are kept (default: as configured)', events)
    .option('--dry-run', 'only say what would go')
    .option('--config <file>', 'configuration file, where no server runs')
    .action(async (flags: PruneFlags) => {
      const { pruneCommand } = await import('#cli/commands/prune')
      end(await pruneCommand(flags, io))
    })
  const data = (command: Command) => json(command).option('--data <dir>', 'data directory of the server')
  data(
    program.command('backup').argument('<file>').description('copy the database, also of a running server'),
  )
    .addHelpText('after', '\nThe file must not exist.')
    .action(async (file: string, flags: BackupFlags) => {
      const { backupCommand } = await import('#cli/commands/backup')
      end(await backupCommand(file, flags, io))
    })
  data(program.command('restore').argument('<file>').description('put a backup in the place of the database'))
    .addHelpText('after', '\nThe server must be stopped. The database of before is kept beside the new one.')
    .action(async (file: string, flags: BackupFlags) => {
      const { restoreCommand } = await import('#cli/commands/backup')
      end(await restoreCommand(file, flags, io))
    })
}

function tokens(token: Command, io: Io, parts: ProgramParts, end: End): void {
  const data = (command: Command) => json(command).option('--data <dir>', 'data directory of the server')
  data(token.command('create').description('make a token; it is shown once'))
    .requiredOption('--user <name>', 'whose runs it sees')
    .option('--admin', 'it sees and ends every run')
    .option('--ttl <duration>', 'how long it is valid: 30d, 12h, 90m (default: until it is revoked)')
    .action(async (flags: CreateTokenFlags) => {
      const { createTokenCommand } = await import('#cli/commands/token')
      end(await createTokenCommand(flags, io, await parts.openCredentials()))
    })
  data(token.command('list').description('list tokens, newest first')).action(async (flags: TokenFlags) => {
    const { listTokensCommand } = await import('#cli/commands/token')
    end(await listTokensCommand(flags, io, await parts.openCredentials()))
  })
  data(token.command('revoke').argument('<id>').description('end a token, and its streams')).action(
    async (id: string, flags: TokenFlags) => {
      const { revokeTokenCommand } = await import('#cli/commands/token')
      end(await revokeTokenCommand(id, flags, io, await parts.openCredentials()))
    },
  )
}

function days(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0 && value <= 36_500)) {
    throw new InvalidArgumentError('expected a number of days from 0 to 36500.')
  }
  return value
}

function events(text: string): number {
  const value = Number(text)
  if (!/^[0-9]+$/.test(text) || !Number.isSafeInteger(value) || value < 1) {
    throw new InvalidArgumentError('expected a whole number from 1 on: the newest event is always kept.')
  }
  return value
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value]
}

const help = `
Exit codes of run, ask, resume, retry and follow:
  the code of the run's program; 128+n when signal n ended it; 124 when it took too long
  0 completed   1 could not be run, or failed   75 interrupted by the server's end   130 aborted
  125 Millrace itself could not do it (no server, refused, gave up waiting)   2 wrong usage
The token for --url is taken from MILLRACE_TOKEN.`
