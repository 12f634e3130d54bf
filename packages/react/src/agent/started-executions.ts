/**
 * The executions that one component has started through one client.
 *
 * Owns the starts that are not answered, and the subscription to the newest execution that was started. Invariants: a
 * refused start changes nothing of what is shown; an older start never replaces a newer one; nothing is subscribed to
 * while the component is not mounted.
 */
import type { Client, ExecuteBody } from '@millrace/client'
import { useAgentStore } from './agent-store.ts'

export class StartedExecutions {
  readonly client: Client
  readonly #pending = new Set<Promise<string>>()
  #starts = 0
  #newest: { start: number; executionId: string } | null = null
  #isMounted = false
  #leave: (() => void) | null = null

  constructor(client: Client) {
    this.client = client
  }

  /** Shows, until the returned function is called, what was started last: a component may be hidden and shown again. */
  mount(): () => void {
    this.#isMounted = true
    this.#show()
    return () => {
      this.#isMounted = false
      this.#leave?.()
      this.#leave = null
    }
  }

  /** Resolves with the id. Rejects when the server refuses. */
  async start(body: ExecuteBody): Promise<string> {
    this.#starts += 1
    const start = this.#starts
    const started = this.client.execute(body).then(({ executionId }) => executionId)
    this.#pending.add(started)
    try {
      const executionId = await started
      if (start > (this.#newest?.start ?? 0)) {
        this.#newest = { start, executionId }
        this.#show()
      }
      return executionId
    } finally {
      this.#pending.delete(started)
    }
  }

  /** The ids of the executions that are being started, once they have them. Refused ones have none. */
  async starting(): Promise<string[]> {
    const settled = await Promise.allSettled([...this.#pending])
    return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  }

  #show(): void {
    if (!this.#isMounted || this.#newest === null) return
    const before = this.#leave
    this.#leave = useAgentStore.getState().subscribeToExecution(this.#newest.executionId, this.client)
    before?.()
  }
}
