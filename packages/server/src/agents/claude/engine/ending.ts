/** Why an agent ends: the first report counts, whichever part it comes from. */
import type { SDKResultMessage } from '@anthropic-ai/claude-agent-sdk'

export type AgentCause =
  | { kind: 'cancelled'; graceMs: number }
  | { kind: 'result'; message: SDKResultMessage }
  /** A call is put off until people have answered. */
  | { kind: 'parked'; message: SDKResultMessage }
  | { kind: 'failed'; reason: string; error: string }

export class Ending {
  readonly #onFirst: (cause: AgentCause) => void
  #cause: AgentCause | null = null

  /** `onFirst` runs before the report returns, so that nothing the reporter does next has an effect. */
  constructor(onFirst: (cause: AgentCause) => void) {
    this.#onFirst = onFirst
  }

  get cause(): AgentCause | null {
    return this.#cause
  }

  report(cause: AgentCause): void {
    if (this.#cause !== null) return
    this.#cause = cause
    this.#onFirst(cause)
  }

  /** `reason` is one word, `error` for a person. */
  fail(reason: string, error: string): void {
    this.report({ kind: 'failed', reason, error })
  }
}
