/** The shape of the declarations in this folder, and the options that commands share. */
import { type Command, InvalidArgumentError } from 'commander'
import type { Io } from '#cli/terminal'

export interface CommandContext {
  readonly io: Io
  /** Receives the exit code of the command that ran. */
  end(code: number): void
}

/** Adds a command, or a few that belong together, to the program. */
export interface CommandModule {
  declare(program: Command, context: CommandContext): void
}

export interface JsonFlags {
  json?: boolean
}

export interface ServerFlags extends JsonFlags {
  url?: string
  data?: string
}

export interface FollowFlags extends ServerFlags {
  /** Seconds. */
  wait: number
}

export interface DataFlags extends JsonFlags {
  data?: string
}

export function withJson(command: Command): Command {
  return command.option('--json', 'print JSON, for machines')
}

/** A client of a running server. */
export function ofServer(command: Command): Command {
  return withJson(command)
    .option('--url <url>', 'the server (default: MILLRACE_URL, else the one on this machine)')
    .option('--data <dir>', 'data directory of a server on this machine')
}

/** A client that shows a run to its end. */
export function following(command: Command): Command {
  return ofServer(command).option(
    '--wait <seconds>',
    'give up when the server has been unreachable this long',
    seconds,
    60,
  )
}

/** Works on a data directory, with or without its server. */
export function ofDataDirectory(command: Command): Command {
  return withJson(command).option('--data <dir>', 'data directory of the server')
}

/** For commands that end a run on Ctrl-C. */
export const ctrlC = '\nCtrl-C aborts the run and waits for its end; a second Ctrl-C exits at once.'

function seconds(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) {
    throw new InvalidArgumentError('expected a number of seconds.')
  }
  return value
}
