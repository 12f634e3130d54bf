/** `millrace init`: writes the configuration file that says what a start without one would find. */
import { realpath, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Command } from 'commander'
import { exitCodes } from '#cli/exit-codes'
import { CliError, type Io, Terminal } from '#cli/terminal'
import { configFilesIn } from '#config/file'
import { asConfigFile, zeroConfig } from '#config/zero/zero'
import { type CommandContext, type JsonFlags, withJson } from '../command.ts'

export function declare(program: Command, { io, end }: CommandContext): void {
  withJson(
    program
      .command('init')
      .description('write a millrace.config.json for this folder and the tools found in it'),
  ).action(async (flags: JsonFlags) => end(await initCommand(flags, io)))
}

async function initCommand(flags: JsonFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const folder = await realpath(io.cwd)
  const existing = (await configFilesIn(folder))[0]
  if (existing !== undefined) {
    throw new CliError(`${basename(existing)} already exists; it was not changed`, exitCodes.failed)
  }
  const found = await zeroConfig(folder, io.env)
  for (const warning of found.warnings) await terminal.note(warning)
  const path = join(folder, 'millrace.config.json')
  const text = `${JSON.stringify(asConfigFile(found), null, 2)}\n`
  await write(path, text)
  const tools = [...found.tools.keys()]
  if (terminal.json) await terminal.value({ path, project: found.project.id, tools })
  else await terminal.line(`Wrote ${path}: project "${found.project.id}", ${tools.length} tools`)
  return exitCodes.ok
}

/** Never over a file that appeared meanwhile. An empty one is the mount point of a sandbox. */
async function write(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx' })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reason = code === 'EEXIST' ? 'a file of this name already exists' : message
    throw new CliError(`${path} could not be written: ${reason}`, exitCodes.failed)
  }
}
