/**
 * For applications that keep their own SSE sessions (a `better-sse` one, say): a register of who
 * watches which job, and one call for each event of a job (contract section 3).
 *
 * Owns the map from job to session. Everything sent for a job without a session is a no-op.
 */
import type { ExecutionResponse, StreamEvent, StreamOutputEvent } from '@millrace/protocol'

/** What is asked of a session; `better-sse`'s has it. */
export interface StreamSession {
  push(data: unknown, event?: string): unknown
}

export class StreamService {
  private readonly sessions = new Map<string, StreamSession>()

  /** A later session of the same job takes the place of the earlier one. */
  registerSession(jobId: string, session: StreamSession): void {
    this.sessions.set(jobId, session)
  }

  /**
   * With the session, only if it is still that one: the end of an earlier connection then does not
   * take away the later one's events.
   */
  unregisterSession(jobId: string, session?: StreamSession): void {
    if (session === undefined || this.sessions.get(jobId) === session) this.sessions.delete(jobId)
  }

  hasSession(jobId: string): boolean {
    return this.sessions.has(jobId)
  }

  get activeSessionCount(): number {
    return this.sessions.size
  }

  sendOutput(jobId: string, line: string, stream: StreamOutputEvent['stream'] = 'stdout'): void {
    this.send(jobId, { event: 'output', data: { line, timestamp: Date.now(), stream } })
  }

  sendComplete(jobId: string, result: ExecutionResponse): void {
    this.send(jobId, { event: 'complete', data: result })
  }

  sendError(jobId: string, message: string): void {
    this.send(jobId, { event: 'error', data: { message } })
  }

  private send(jobId: string, { event, data }: StreamEvent): void {
    const session = this.sessions.get(jobId)
    if (session === undefined) return
    // A session whose connection is gone throws, or rejects: nobody watches there any more.
    const gone = () => this.unregisterSession(jobId, session)
    try {
      const pushed = session.push(data, event)
      if (pushed instanceof Promise) pushed.catch(gone)
    } catch {
      gone()
    }
  }
}

/** The one an application shares between its routes. */
export const streamService = new StreamService()
