/**
 * The Millraces that run in this process, for callers that hold no reference to one.
 *
 * Owns the set; a Millrace enters at the end of its start and leaves at its stop.
 */
import { MillraceError } from '@millrace/protocol'
import type { EmbeddedRuns } from '#embed/runs'

/** The part of a Millrace that sessions need. */
export interface SessionHost {
  readonly runs: EmbeddedRuns
}

const running = new Set<SessionHost>()

export function enterRunning(host: SessionHost): void {
  running.add(host)
}

export function leaveRunning(host: SessionHost): void {
  running.delete(host)
}

/** Returns the running Millrace. Fails with `draining` if there is none, and with a TypeError if there are several. */
export function theRunningOne(): SessionHost {
  const [one, another] = running
  if (one === undefined) {
    throw new MillraceError(
      'draining',
      'No Millrace is running in this process: await millrace.start() first',
    )
  }
  if (another === undefined) return one
  throw new TypeError(
    'Several Millraces are running in this process: pass the intended one to the constructor',
  )
}
