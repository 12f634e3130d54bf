/** How long the processes of a run have to exit by themselves. */
import { EndRequest } from './runner.ts'

/** From SIGTERM to SIGKILL. */
export const graceMs = 2000
/** The same at a shutdown: the server has three seconds for all its processes. */
const shutdownGraceMs = 1000

/** Returns the grace for the reason of a run's aborted signal. */
export function graceOf(reason: unknown): number {
  const cause = reason instanceof EndRequest ? reason.endCause : 'abort'
  switch (cause) {
    case 'abort':
      return graceMs
    case 'shutdown':
      return shutdownGraceMs
    case 'crash':
    case 'quota':
      // Nothing they print now could, or should, be stored.
      return 0
    default:
      return cause satisfies never
  }
}
