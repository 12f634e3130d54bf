/**
 * Which Millraces run in this process, for who has none at hand.
 *
 * Owns the set; `createMillrace` enters itself at the end of its start and leaves at its stop.
 */
import { MillraceError } from '@millrace/protocol'
import type { EmbeddedRuns } from '#embed/runs'

/** What of a Millrace sessions need. */
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

/** The one that runs. Fails with `draining` when none does, and with a TypeError when there are several. */
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
    'Several Millraces are running in this process: construct an AgentSessionManager with the one that is meant',
  )
}
