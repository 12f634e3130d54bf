/** Who may write to a run, and how a write that may not is refused. */
import type { OperationResult } from '#store/batched/operations'
import type { OpenRun, PendingLog } from './pending-log.ts'

export type Refused = Extract<OperationResult, { kind: 'refused' }>

/** The run, if it is open and this attempt may write to it. */
export function fence(
  log: PendingLog,
  { run: id, attempt }: { run: string; attempt: number },
): OpenRun | Refused {
  const run = log.open(id)
  if (run === undefined) return unknownRun()
  if (run.closed) return refused('run_over', 'The run is already over')
  if (run.attempt !== attempt) {
    return refused('stale_attempt', `Attempt ${attempt} is not the current one (${run.attempt})`)
  }
  return run
}

export function refused(code: Refused['code'], message: string): Refused {
  return { kind: 'refused', code, message }
}

export function unknownRun(): Refused {
  return refused('not_found', 'There is no such run')
}
