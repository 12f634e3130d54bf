/**
 * Agent sessions for a host application: start, look up, end, wait. Keeps no state of its own and reads the
 * store each time, so it does not matter which manager, or which HTTP request, started a session.
 */
import { finalStates, isFinal, MillraceError, type Run, type RunState } from '@millrace/protocol'
import type { EmbeddedRuns, HostPrincipal } from '#embed/runs'
import { type SessionHost, theRunningOne } from './running.ts'
import { SessionEmitter } from './session-emitter.ts'

/** A session, as it was when it was looked up. */
export interface AgentSession {
  readonly id: string
  readonly projectId: string
  readonly state: RunState
  readonly prompt: string
  /** Everything else: times, result, error, usage. */
  readonly run: Run
  /** Emits its messages, from the first one, once there is a listener. Each look-up has its own. */
  readonly emitter: SessionEmitter
}

export interface AgentSessionManagerOptions {
  /** The owner of the sessions. Default: an admin named `admin`, who sees everyone's. */
  principal?: HostPrincipal
}

/** In the order in which a session passes through them. */
const openStates = ['queued', 'starting', 'running'] as const
const pageSize = 200

export class AgentSessionManager {
  readonly #host: () => SessionHost
  readonly #principal: HostPrincipal | undefined

  /**
   * For this Millrace; without one, for the Millrace that runs in this process when a method is called,
   * which must be the only one.
   */
  constructor(millrace?: SessionHost, options: AgentSessionManagerOptions = {}) {
    this.#host = millrace === undefined ? theRunningOne : () => millrace
    this.#principal = options.principal
  }

  /**
   * Starts a session. Resolves with its id once the session is on disk. Fails with `project_busy` if the
   * project has an active session, and with `invalid_request` for an unknown project, a blank prompt, or
   * a `cwd` (absolute, or relative to the project) outside the project.
   */
  async createSession(projectId: string, prompt: string, cwd?: string): Promise<string> {
    const body = {
      kind: 'session',
      project: projectId,
      prompt,
      ...(cwd === undefined ? {} : { cwd }),
    } as const
    return (await this.#runs().start(body, this.#principal)).id
  }

  /** Null if there is no such session. */
  async getSession(id: string): Promise<AgentSession | null> {
    const run = await this.#find(id)
    return run === null ? null : this.#sessionOf(run)
  }

  /** Ends a session as aborted. False if there is no such session, or if it is over already. */
  async abortSession(id: string): Promise<boolean> {
    const run = await this.#find(id)
    if (run === null || isFinal(run.state)) return false
    const { state } = await this.#runs().abort(id, this.#principal)
    return state === 'aborted' || !isFinal(state)
  }

  /** The session that is queued or running in the project; null if there is none. */
  async getActiveSessionForProject(projectId: string): Promise<AgentSession | null> {
    // The newest one: the store admits no other while it is open.
    const { runs } = await this.#runs().list(
      { kind: 'session', project: projectId, limit: 1 },
      this.#principal,
    )
    const [run] = runs
    return run === undefined || isFinal(run.state) ? null : this.#sessionOf(run)
  }

  /**
   * Ends all open sessions as interrupted, with this reason. Resolves with their number when they are over,
   * or after 5 s. Does not prevent new ones from starting: `millrace.stop()` does.
   */
  async shutdownAll(reason: string): Promise<number> {
    const open = await this.#open()
    await Promise.all(open.map(({ id }) => this.#runs().interrupt(id, reason, this.#principal)))
    return open.length
  }

  /**
   * Resolves when every session that is now running has ended, with its processes: a session's terminal
   * event is written after the last of them is gone.
   */
  async waitForAllCleanup(): Promise<void> {
    const working = (await this.#open()).filter(({ state }) => state !== 'queued')
    await Promise.all(working.map((run) => this.#untilOver(run)))
  }

  /**
   * The start of Millrace ends what a crash left behind: orphaned processes, by pid and start time, and the
   * runs that were recorded as active. Waits for that start; resolves with the number of runs it closed.
   */
  async cleanupOrphanedSessions(): Promise<number> {
    return this.#runs().recovered()
  }

  #runs(): EmbeddedRuns {
    return this.#host().runs
  }

  #acting(): { principal?: HostPrincipal } {
    return this.#principal === undefined ? {} : { principal: this.#principal }
  }

  async #find(id: string): Promise<Run | null> {
    try {
      const run = await this.#runs().get(id, this.#principal)
      return run.kind === 'session' ? run : null
    } catch (error) {
      if (error instanceof MillraceError && error.code === 'not_found') return null
      throw error
    }
  }

  #sessionOf(run: Run): AgentSession {
    const runs = this.#runs()
    const principal = this.#acting()
    return {
      id: run.id,
      projectId: run.project ?? '',
      state: run.state,
      prompt: String(run.spec.prompt),
      run,
      emitter: new SessionEmitter(run.id, (options) => runs.follow(run.id, { ...options, ...principal })),
    }
  }

  /**
   * Returns the sessions that are not over, each in the state it was found in first. Reads state after state, forward: a
   * session that advances meanwhile is found in the next one.
   */
  async #open(): Promise<Run[]> {
    const found = new Map<string, Run>()
    for (const state of openStates) {
      let cursor: string | undefined
      do {
        const filter = {
          kind: 'session',
          state,
          limit: pageSize,
          ...(cursor === undefined ? {} : { cursor }),
        } as const
        const page = await this.#runs().list(filter, this.#principal)
        for (const run of page.runs) if (!found.has(run.id)) found.set(run.id, run)
        cursor = page.nextCursor ?? undefined
      } while (cursor !== undefined)
    }
    return [...found.values()]
  }

  async #untilOver({ id, head }: Run): Promise<void> {
    const principal = this.#acting()
    const events = this.#runs().follow(id, { after: head, ...principal })
    // The stream ends after the terminal event.
    for await (const { type } of events) if (finalStates.some((state) => state === type)) return
  }
}

/** For the Millrace that runs in this process. */
export const agentSessionManager: AgentSessionManager = new AgentSessionManager()
