/** `millrace config`: the configuration that a server started here would have, and where each value comes from. */
import type { Command } from 'commander'
import { exitCodes } from '#cli/exit-codes'
import { CliError, type Io, Terminal, table } from '#cli/terminal'
import { ConfigError } from '#config/problems'
import { type EffectiveValue, effectiveValues } from '#config/reference/effective'
import { jsonSchemaFile } from '#config/reference/json-schema'
import type { ConfigFlags } from '#config/settings'
import { type CommandContext, type JsonFlags, withJson } from '../command.ts'

interface ConfigCommandFlags extends ConfigFlags, JsonFlags {
  schema?: boolean
}

export function declare(program: Command, { io, end }: CommandContext): void {
  withJson(program.command('config').description('show the configuration in effect in this folder'))
    .option('--print', 'print each value and where it comes from, secrets masked (the default)')
    .option('--schema', 'print the path of the JSON schema, for editors')
    .option('--config <file>', 'configuration file')
    .option('--host <host>', 'as for serve')
    .option('--port <port>', 'as for serve')
    .option('--data <dir>', 'data directory')
    .option('--store <url>', 'Postgres database')
    .action(async (flags: ConfigCommandFlags) => end(await configCommand(flags, io)))
}

async function configCommand(flags: ConfigCommandFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  if (flags.schema) {
    await (terminal.json ? terminal.value({ schema: jsonSchemaFile }) : terminal.line(jsonSchemaFile))
    return exitCodes.ok
  }
  const values = await effectiveOrExplain(flags, io)
  if (terminal.json) await terminal.value(values)
  else {
    const rows = values.map(({ key, value, source }) => [
      key,
      value === null ? '-' : JSON.stringify(value),
      source,
    ])
    for (const line of table([['key', 'value', 'from'], ...rows])) await terminal.line(line)
  }
  return exitCodes.ok
}

async function effectiveOrExplain(flags: ConfigFlags, io: Io): Promise<EffectiveValue[]> {
  try {
    return await effectiveValues({ flags, env: io.env, cwd: io.cwd })
  } catch (error) {
    throw error instanceof ConfigError ? new CliError(error.message, exitCodes.config) : error
  }
}
