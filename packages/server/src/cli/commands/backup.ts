/** `millrace backup` and `millrace restore`: copy the database to one file, and back. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { exitCodes } from '#cli/exit-codes'
import { CliError, type Io, Terminal } from '#cli/terminal'
import { backUp, restore } from '#store/sqlite/upkeep/data-directory'
import { type CommandContext, type DataFlags, ofDataDirectory } from './command.ts'
import { directoryToRestore, directoryWithDatabase } from './upkeep-directory.ts'

export function declare(program: Command, { io, end }: CommandContext): void {
  ofDataDirectory(
    program.command('backup').argument('<file>').description('copy the database; the server may be running'),
  )
    .addHelpText('after', '\nThe file must not exist yet.')
    .action(async (file: string, flags: DataFlags) => end(await backupCommand(file, flags, io)))

  ofDataDirectory(
    program.command('restore').argument('<file>').description('replace the database with a backup'),
  )
    .addHelpText('after', '\nThe server must be stopped. The previous database is kept beside the new one.')
    .action(async (file: string, flags: DataFlags) => end(await restoreCommand(file, flags, io)))
}

async function backupCommand(name: string, flags: DataFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const dataDir = await directoryWithDatabase({ data: flags.data, env: io.env, cwd: io.cwd })
  const file = resolve(io.cwd, name)
  const { runs, bytes } = explained(() => backUp(dataDir, file))
  if (terminal.json) await terminal.value({ file, dataDir, runs, bytes })
  else await terminal.line(`${file}: ${runs} runs, ${(bytes / 1024 ** 2).toFixed(1)} MiB, checked`)
  return exitCodes.ok
}

async function restoreCommand(name: string, flags: DataFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const dataDir = directoryToRestore({ data: flags.data, env: io.env, cwd: io.cwd })
  const file = resolve(io.cwd, name)
  const restored = explained(() => restore(dataDir, file, Date.now()))
  if (terminal.json) {
    await terminal.value({ file, dataDir, ...restored })
    return exitCodes.ok
  }
  await terminal.line(`${dataDir} now holds the ${restored.runs} runs of ${file}`)
  if (restored.aside !== null) await terminal.note(`the previous database is kept as ${restored.aside}`)
  return exitCodes.ok
}

/** Failures of the disk or the file need no stack. */
function explained<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    // Coded: ours, or of the operating system.
    const known = error instanceof Error && 'code' in error
    throw known ? new CliError(error.message, exitCodes.failed) : error
  }
}
