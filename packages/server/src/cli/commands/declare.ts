/** Options that commands share. */
import { type Command, InvalidArgumentError } from 'commander'

/** Told the exit code of the command that ran. */
export type End = (code: number) => void

export function json(command: Command): Command {
  return command.option('--json', 'JSON for machines')
}

/** A command that is a client of a running server. */
export function local(command: Command): Command {
  return json(command)
    .option('--url <url>', 'the server (default: MILLRACE_URL, else the one on this machine)')
    .option('--data <dir>', 'data directory of the server on this machine')
}

/** A command that shows a run to its end. */
export function following(command: Command): Command {
  return local(command).option('--wait <seconds>', 'how long a server may be away', seconds, 60)
}

function seconds(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) {
    throw new InvalidArgumentError('expected a number of seconds.')
  }
  return value
}
