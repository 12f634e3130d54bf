/** What the run service needs to know of a kind: how a request becomes a spec, and who does the work. */
import type { RunKind } from '@millrace/protocol'
import type { Runner } from './runner.ts'

/** A request that was found good: what the run's row will hold. */
interface PreparedRun {
  project: string | null
  spec: Record<string, unknown>
}

export interface KindOfRun {
  readonly kind: RunKind
  readonly runner: Runner
  /** How many runs of the kind may be active at once. */
  readonly concurrency: number
  /**
   * Checks a request, or the spec of an earlier run that is to be run again. Throws
   * `invalid_request` naming the field.
   */
  prepare(request: Record<string, unknown>): PreparedRun
}
