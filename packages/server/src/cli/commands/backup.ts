/** `millrace backup` and `millrace restore`: the database as one file, and back. */
import { resolve } from 'node:path'
import { MillraceError } from '@millrace/protocol'
import { exitCodes } from '#cli/exit-codes'
import { CliError, type Io, Terminal } from '#cli/terminal'
import { backUp, DataDirInUse, restore } from '#store/sqlite/upkeep/data-directory'
import { directoryToRestore, directoryWithDatabase } from './upkeep-directory.ts'

export interface BackupFlags {
  data?: string
  json?: boolean
}

export async function backupCommand(name: string, flags: BackupFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const dataDir = await directoryWithDatabase({ data: flags.data, env: io.env, cwd: io.cwd })
  const file = resolve(io.cwd, name)
  const { runs, bytes } = explained(() => backUp(dataDir, file))
  if (terminal.json) await terminal.value({ file, dataDir, runs, bytes })
  else await terminal.line(`${file}: ${runs} runs, ${(bytes / 1024 ** 2).toFixed(1)} MiB, checked`)
  return exitCodes.ok
}

export async function restoreCommand(name: string, flags: BackupFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const dataDir = directoryToRestore({ data: flags.data, env: io.env, cwd: io.cwd })
  const file = resolve(io.cwd, name)
  const restored = explained(() => restore(dataDir, file, Date.now()))
  if (terminal.json) {
    await terminal.value({ file, dataDir, ...restored })
    return exitCodes.ok
  }
  await terminal.line(`${dataDir} has the ${restored.runs} runs of ${file}`)
  if (restored.aside !== null) await terminal.note(`the database of before is ${restored.aside}`)
  return exitCodes.ok
}

/** What the disk or the file is to blame for needs no stack. */
function explained<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    const known =
      error instanceof MillraceError ||
      error instanceof DataDirInUse ||
      (error instanceof Error && 'code' in error)
    throw known ? new CliError(error.message, exitCodes.failed) : error
  }
}
