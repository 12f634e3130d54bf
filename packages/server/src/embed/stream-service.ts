/**
 * For applications that keep their own SSE sessions, such as those of `better-sse`: a register of which
 * session watches which job, and one call for each event of a job (docs/embedding.md).
 *
 * Owns the map from job to session. Sending for a job without a session is a no-op.
 */
import type { ExecutionResponse, StreamEvent, StreamOutputEvent } from '@millrace/protocol'

/** What the service needs of a session; `better-sse`'s has it. */
export interface StreamSession {
  push(data: unknown, event?: string): unknown
}

export class StreamService {
  readonly #sessions = new Map<string, StreamSession>()

  /** A later session of the same job replaces the earlier one. */
  registerSession(jobId: string, session: StreamSession): void {
    this.#sessions.set(jobId, session)
  }

  /**
   * With a session, unregisters only that one: the end of an earlier connection then leaves the later one
   * registered.
   */
  unregisterSession(jobId: string, session?: StreamSession): void {
    if (session === undefined || this.#sessions.get(jobId) === session) this.#sessions.delete(jobId)
  }

  hasSession(jobId: string): boolean {
    return this.#sessions.has(jobId)
  }

  get activeSessionCount(): number {
    return this.#sessions.size
  }

  sendOutput(jobId: string, line: string, stream: StreamOutputEvent['stream'] = 'stdout'): void {
    this.#send(jobId, { event: 'output', data: { line, timestamp: Date.now(), stream } })
  }

  sendComplete(jobId: string, result: ExecutionResponse): void {
    this.#send(jobId, { event: 'complete', data: result })
  }

  sendError(jobId: string, message: string): void {
    this.#send(jobId, { event: 'error', data: { message } })
  }

  #send(jobId: string, { event, data }: StreamEvent): void {
    const session = this.#sessions.get(jobId)
    if (session === undefined) return
    // A session whose connection is gone throws, or rejects: it no longer has a viewer.
    const gone = () => this.unregisterSession(jobId, session)
    try {
      const pushed = session.push(data, event)
      if (pushed instanceof Promise) pushed.catch(gone)
    } catch {
      gone()
    }
  }
}

/** The instance that an application shares between its routes. */
export const streamService = new StreamService()
