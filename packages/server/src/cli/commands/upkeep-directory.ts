/** Finds the data directory for `prune`, `backup` and `restore`. */
import { dataDirOf, type Where } from '#cli/connect'
import { exitCodes } from '#cli/exit-codes'
import { CliError } from '#cli/terminal'
import { storeElsewhere } from '#compose/data-dir-notes'
import { defaultDataDir, namedDataDir } from '#config/data-dir'
import { holdsDatabase } from '#store/sqlite/upkeep/data-directory'

/**
 * The named one, else that of this directory, even if another server of this user runs elsewhere. Client
 * commands would use that server, but these commands delete or replace what they find.
 */
export async function directoryWithDatabase(where: Where): Promise<string> {
  const own = ownDirectory(where)
  const dataDir = own ?? (await dataDirOf(where))
  refuseStoreElsewhere(dataDir, where.env)
  if (holdsDatabase(dataDir)) return dataDir
  const text = `there is no database in ${dataDir}; name a data directory with --data`
  throw new CliError(text, exitCodes.failed)
}

/** A named one may be new; without a name, only an existing database is replaced. */
export function directoryToRestore(where: Where): string {
  const own = ownDirectory(where)
  if (own !== null) {
    refuseStoreElsewhere(own, where.env)
    return own
  }
  throw new CliError('no data directory belongs to this folder; name one with --data', exitCodes.failed)
}

/** With a store on Postgres there is nothing in the data directory that these commands could work on. */
export function refuseStoreElsewhere(dataDir: string, env: NodeJS.ProcessEnv): void {
  const noted = storeElsewhere(dataDir)
  if (noted === null && !env.MILLRACE_STORE) return
  const where = noted === null ? 'of MILLRACE_STORE' : noted
  const text = `the runs of this server are in a database, ${where}: back it up with pg_dump or your own tools, and manage tokens in the console or at /api/admin/tokens of a running server`
  throw new CliError(text, exitCodes.failed)
}

function ownDirectory(where: Where): string | null {
  const named = namedDataDir(where.data, where.env, where.cwd)
  if (named !== undefined) return named.path
  const own = defaultDataDir(where.env, where.cwd)
  return holdsDatabase(own) ? own : null
}
