/** How long the processes of a run have to end by themselves. */
import { EndRequest } from './runner.ts'

/** From SIGTERM to SIGKILL. */
export const graceMs = 2000
/** The same when the server itself has to go: it has three seconds for all its processes. */
const shutdownGraceMs = 1000

/** By the reason of a run's aborted signal. */
export function graceOf(reason: unknown): number {
  const cause = reason instanceof EndRequest ? reason.endCause : 'abort'
  switch (cause) {
    case 'abort':
      return graceMs
    case 'shutdown':
      return shutdownGraceMs
    case 'crash':
      // Nothing they still say could be written down.
      return 0
    default:
      return cause satisfies never
  }
}
