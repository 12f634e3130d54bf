/** Who may write to a run: its current attempt, until its terminal event. */
import { type Refusal, refusal, unknownRun } from './refusal.ts'
import type { RunFacts } from './rows.ts'

/**
 * Returns the run if this attempt may write to it. Appends, transcripts and the record of a process ask
 * for nothing more.
 */
export function fence<Run extends Pick<RunFacts, 'closed' | 'attempt'>>(
  run: Run | undefined,
  attempt: number,
): Run | Refusal {
  if (run === undefined) return unknownRun()
  if (run.closed) return refusal('run_over', 'The run is already over')
  if (run.attempt !== attempt) {
    return refusal('stale_attempt', `Attempt ${attempt} is not the current one (${run.attempt})`)
  }
  return run
}
