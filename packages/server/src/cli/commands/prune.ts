/** `millrace prune`: deletes what is old, through the running server, else in the data directory itself. */
import { MillraceError } from '@millrace/protocol'
import { pruneResponse } from '@millrace/protocol/schemas'
import { type Command, InvalidArgumentError } from 'commander'
import { callJson } from '#cli/api'
import { connect, type Where, whereOf } from '#cli/connect'
import { exitCodes } from '#cli/exit-codes'
import { CliError, type Io, Terminal } from '#cli/terminal'
import { namedDataDir } from '#config/data-dir'
import { loadConfig } from '#config/load'
import { ConfigError } from '#config/problems'
import { type Pruned, type PruneRequest, Retention } from '#retention/retention'
import { openAlone } from '#store/sqlite/upkeep/data-directory'
import { type CommandContext, ofServer, type ServerFlags } from './command.ts'
import { directoryWithDatabase } from './upkeep-directory.ts'

interface PruneFlags extends ServerFlags {
  config?: string
  days?: number
  events?: number
  dryRun?: boolean
}

export function declare(program: Command, { io, end }: CommandContext): void {
  ofServer(program.command('prune').description('delete old runs, and the beginnings of long logs'))
    .option(
      '--days <n>',
      'delete runs that ended more than this many days ago (default: as configured)',
      days,
    )
    .option(
      '--events <n>',
      'keep only this many events of each remaining log (default: as configured)',
      events,
    )
    .option('--dry-run', 'only report what would be deleted')
    .option('--config <file>', 'configuration file, used if no server is running')
    .action(async (flags: PruneFlags) => end(await pruneCommand(flags, io)))
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
    throw new InvalidArgumentError('expected a whole number of at least 1: the newest event is always kept.')
  }
  return value
}

async function pruneCommand(flags: PruneFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const pruned = await prune(flags, io)
  if (terminal.json) await terminal.value(pruned)
  else await terminal.line(summaryOf(pruned, flags.dryRun ?? false))
  return exitCodes.ok
}

async function prune(flags: PruneFlags, io: Io): Promise<Pruned> {
  const { days, events, dryRun } = flags
  const request: PruneRequest = { days, events, dryRun }
  const where = whereOf(flags, io)
  const url = flags.url ?? (flags.data === undefined ? io.env.MILLRACE_URL : undefined)
  if (url) return askServer({ ...where, url }, request)
  const dataDir = await directoryWithDatabase(where)
  const store = await openAlone(dataDir).catch(explain)
  if (store === null) return askServer({ ...where, url: undefined, data: dataDir }, request)
  try {
    const rule = await ruleOf(flags, io, dataDir)
    return await new Retention({ store, rule, now: () => Date.now() }).prune(request).catch(explain)
  } finally {
    await store.close()
  }
}

async function askServer(where: Where, body: PruneRequest): Promise<Pruned> {
  const { server } = await connect(where)
  return callJson(server, '/api/admin/prune', pruneResponse, { method: 'POST', body })
}

/** The retention that the server of this directory would be configured with. */
async function ruleOf(
  { config: file, days, events, data }: PruneFlags,
  io: Io,
  dataDir: string,
): Promise<{ days: number; events?: number | undefined }> {
  if (days !== undefined && events !== undefined) return { days, events }
  const flags = { config: file, data: dataDir }
  const config = await loadConfig({ flags, env: io.env, cwd: io.cwd }).catch((error: unknown) => {
    throw error instanceof ConfigError ? new CliError(error.message, exitCodes.config) : error
  })
  const named = namedDataDir(data, io.env, io.cwd) !== undefined
  // The defaults must not delete what the configuration of that directory's server keeps.
  if (days === undefined && named && config.configFile === null) {
    throw new CliError(
      'there is no configuration file here: set the age with --days, or name the file with --config',
      exitCodes.usage,
    )
  }
  return config.retention
}

function explain(error: unknown): never {
  throw error instanceof MillraceError ? new CliError(error.message, exitCodes.failed) : error
}

function summaryOf({ runs, events, bytes }: Pruned, dryRun: boolean): string {
  const what = `${counted(runs, 'run')} and ${counted(events, 'event')}`
  if (dryRun) return `${what} would be deleted`
  return `${what} deleted; ${((bytes ?? 0) / 1024 ** 2).toFixed(1)} MiB returned to the disk`
}

function counted(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? '' : 's'}`
}
