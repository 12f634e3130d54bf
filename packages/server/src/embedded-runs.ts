/** Runs, for the program that embeds us: the same rules as over HTTP, without HTTP. */
import { type LogEvent, MillraceError, type Run, type StartRunBody, startRunBody } from '@millrace/protocol'
import type { Principal } from './auth/principal.ts'
import type { OpenServer } from './server.ts'

/**
 * Without a principal, calls act as an admin named `admin`. With one they see what that user sees:
 * another's run fails with `not_found`. All fail with `draining` while Millrace is not running.
 */
export interface EmbeddedRuns {
  /** Puts a run in the queue; it is on disk when the promise resolves. Fails with `invalid_request`. */
  start(body: StartRunBody, principal?: HostPrincipal, options?: { idempotencyKey?: string }): Promise<Run>
  get(id: string, principal?: HostPrincipal): Promise<Run>
  /** Newest first; `limit` is 50 unless told. */
  list(
    filter?: { kind?: Run['kind']; state?: Run['state']; project?: string; limit?: number; cursor?: string },
    principal?: HostPrincipal,
  ): Promise<{ runs: Run[]; nextCursor: string | null }>
  /** Resolves with the run when it has ended, or after 5 s as it then is. */
  abort(id: string, principal?: HostPrincipal): Promise<Run>
  /** Fails with `run_open` while the run is not over. */
  retry(id: string, principal?: HostPrincipal): Promise<Run>
  /**
   * The events after `after`, then live ones; ends after the terminal event, when `signal` is aborted,
   * and at the stop. Fails with a CursorReset (code `invalid_request`) where the log cannot serve `after`.
   */
  follow(
    id: string,
    options?: { after?: number; types?: readonly string[]; signal?: AbortSignal; principal?: HostPrincipal },
  ): AsyncIterable<LogEvent>
}

/** A user as a host application names them: no admin unless it says so. */
export type HostPrincipal = string | { user: string; admin?: boolean }

const localAdmin: Principal = { user: 'admin', admin: true }

export function embeddedRuns(opened: () => Promise<Pick<OpenServer, 'runs' | 'delivery'>>): EmbeddedRuns {
  const acting = (principal: HostPrincipal = localAdmin): Principal => {
    const known = checkedPrincipal(principal)
    // Somebody who is nobody must not become an admin.
    if (known === null) throw new TypeError('leave the principal out to act as an admin; null is nobody')
    return known
  }
  return {
    async start(body, principal, options = {}) {
      const { runs } = await opened()
      return (await runs.start(checkedBody(body), acting(principal), options)).run
    },
    async get(id, principal) {
      return (await opened()).runs.get(id, acting(principal))
    },
    async list({ limit = 50, ...filter } = {}, principal) {
      return (await opened()).runs.list({ ...filter, limit }, acting(principal))
    },
    async abort(id, principal) {
      return (await opened()).runs.abort(id, acting(principal))
    },
    async retry(id, principal) {
      return (await opened()).runs.retry(id, acting(principal))
    },
    async *follow(id, { principal, ...follow } = {}) {
      const { runs, delivery } = await opened()
      await runs.get(id, acting(principal))
      for await (const { seq, at, type, json } of delivery.iterate(id, follow)) {
        yield { seq, at, type, data: JSON.parse(json) }
      }
    },
  }
}

function checkedBody(body: StartRunBody): StartRunBody {
  const parsed = startRunBody.safeParse(body)
  if (parsed.success) return parsed.data
  const fields = parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), expected: message }))
  const named = fields.map(({ path, expected }) => `${path}: ${expected}`).join('; ')
  throw new MillraceError('invalid_request', `The request is not valid: ${named}`, { fields })
}

/**
 * A principal as the host application gave it; null when it gave none. A name that is missing must
 * not pass: a list for "no name in particular" would be a list of everybody's runs.
 */
export function checkedPrincipal(given: HostPrincipal | null | undefined): Principal | null {
  if (given === null || given === undefined) return null
  const { user, admin = false } = typeof given === 'string' ? { user: given } : given
  if (typeof user === 'string' && user !== '' && typeof admin === 'boolean') return { user, admin }
  throw new TypeError('a principal is the name of a user, or {user: a name, admin?: true or false}, or null')
}
