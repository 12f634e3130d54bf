/** Runs for a host application: the same rules as over HTTP, without HTTP. */
import type { ServerResponse } from 'node:http'
import {
  type AnswerApprovalBody,
  type FinishRunBody,
  type ForkRunBody,
  type LogEvent,
  type Message,
  MillraceError,
  type PermissionResolvedEvent,
  type ProduceBody,
  type ProducedResponse,
  type ResumeRunBody,
  type Run,
  type SendMessageBody,
  type StartRunBody,
} from '@millrace/protocol'
import {
  answerApprovalBody,
  finishRunBody,
  forkRunBody,
  produceBody,
  readRequest,
  resumeRunBody,
  sendMessageBody,
} from '@millrace/protocol/schemas'
import { z } from 'zod'
import type { Principal } from '#auth/principal'
import type { OpenServer } from '#compose/server'

/**
 * Without a principal, calls act as an admin named `admin`. With one, they see what that user sees: another
 * user's run fails with `not_found`. All fail with `draining` while Millrace is not running.
 */
export interface EmbeddedRuns {
  /**
   * Puts a run in the queue; it is on disk when the promise resolves. Fails with `invalid_request`. `id` (a
   * UUID) names the run; where the principal has a run of that id already, it is returned as it is.
   */
  start(
    body: StartRunBody,
    principal?: HostPrincipal,
    options?: { idempotencyKey?: string } | { id?: string },
  ): Promise<Run>
  get(id: string, principal?: HostPrincipal): Promise<Run>
  /** Newest first; `limit` is 50 by default. */
  list(
    filter?: { kind?: Run['kind']; state?: Run['state']; project?: string; limit?: number; cursor?: string },
    principal?: HostPrincipal,
  ): Promise<{ runs: Run[]; nextCursor: string | null }>
  /** Resolves with the run when it has ended, or after 5 s with its state then. */
  abort(id: string, principal?: HostPrincipal): Promise<Run>
  /** Like `abort`, but the run ends as interrupted, with this reason in its log. */
  interrupt(id: string, reason: string, principal?: HostPrincipal): Promise<Run>
  /** Fails with `run_open` while the run is not over. */
  retry(id: string, principal?: HostPrincipal): Promise<Run>
  /**
   * Continues the conversation of a session that is over, as a new run. Fails with `run_open`,
   * `project_busy`, or `not_resumable`: no session, or nothing of it is kept.
   */
  resume(id: string, principal?: HostPrincipal, options?: ResumeRunBody): Promise<Run>
  /** Starts a session with the conversation that another one had at an event. */
  fork(id: string, principal: HostPrincipal | undefined, request: ForkRunBody): Promise<Run>
  /** Answers what a session asked. The first answer counts; later ones fail with `already_answered`. */
  answerApproval(
    id: string,
    approvalId: string,
    answer: AnswerApprovalBody,
    principal?: HostPrincipal,
  ): Promise<PermissionResolvedEvent>
  /** Says something to the agent of an open run, as `POST /api/runs/:id/messages` does. Returns the id of the message. */
  send(id: string, message: SendMessageBody, principal?: HostPrincipal): Promise<string>
  /** Messages that are not delivered, oldest first. */
  messages(id: string, principal?: HostPrincipal): Promise<Message[]>
  /** Takes back a message. Fails with `message_taken` once the agent has it. */
  withdraw(id: string, messageId: string, principal?: HostPrincipal): Promise<Message>
  /** Appends events to an external run, as `POST /api/runs/:id/events` does. Fails with `run_over` once it is over. */
  produce(id: string, batch: ProduceBody, principal?: HostPrincipal): Promise<ProducedResponse>
  /**
   * Ends an external run, as `POST /api/runs/:id/finish` does; `stack` goes to the log and nowhere else. With null it
   * lets an interactive session complete.
   */
  finish(
    id: string,
    end: (FinishRunBody & { stack?: string }) | null,
    principal?: HostPrincipal,
  ): Promise<Run>
  /**
   * Answers a request of the host application with the run's log as SSE, resuming after its `Last-Event-ID`;
   * heartbeat every 30 s. Fails, with nothing written, with `not_found`.
   */
  stream(id: string, response: ServerResponse, principal?: HostPrincipal): Promise<RunStream>
  /** How many runs of an earlier server the start found open, and closed as interrupted. */
  recovered(): Promise<number>
  /**
   * Yields the events after `after`, then live ones; ends after the terminal event, when `signal` is
   * aborted, and at the stop. Fails with a CursorReset (code `invalid_request`) if the log cannot serve `after`.
   */
  follow(
    id: string,
    options?: { after?: number; types?: readonly string[]; signal?: AbortSignal; principal?: HostPrincipal },
  ): AsyncIterable<LogEvent>
}

export interface RunStream {
  /** Resolves when the response has ended or its client has left. */
  readonly closed: Promise<void>
  /** Ends the response at once. */
  close(): void
}

/** A user as the host application names them; an admin only where it says so. */
export type HostPrincipal = string | { user: string; admin?: boolean }

const localAdmin: Principal = { user: 'admin', admin: true }

function acting(principal: HostPrincipal = localAdmin): Principal {
  const known = checkedPrincipal(principal)
  // An unknown user must not become an admin.
  if (known === null) throw new TypeError('omit the principal to act as an admin; null is no user')
  return known
}

function embeddedMessages(
  opened: () => Promise<Pick<OpenServer, 'runs'>>,
): Pick<EmbeddedRuns, 'send' | 'messages' | 'withdraw'> {
  return {
    async send(id, message, principal) {
      const { runs } = await opened()
      return runs.messages.send(id, readRequest(sendMessageBody, message), acting(principal))
    },
    async messages(id, principal) {
      return (await opened()).runs.messages.list(id, acting(principal))
    },
    async withdraw(id, messageId, principal) {
      return (await opened()).runs.messages.withdraw(id, messageId, acting(principal))
    },
  }
}

export function embeddedRuns(opened: () => Promise<Pick<OpenServer, 'runs' | 'delivery'>>): EmbeddedRuns {
  return {
    async start(body, principal, options = {}) {
      const { runs } = await opened()
      const request = readRequest(runs.request, body)
      if (!('id' in options) || options.id === undefined) {
        return (await runs.start(request, acting(principal), options)).run
      }
      return runs.ensure(readRequest(z.uuid(), options.id), request, acting(principal))
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
    async interrupt(id, reason, principal) {
      return (await opened()).runs.interrupt(id, acting(principal), reason)
    },
    async retry(id, principal) {
      return (await opened()).runs.retry(id, acting(principal))
    },
    async resume(id, principal, options = {}) {
      const { runs } = await opened()
      return runs.resume(id, acting(principal), readRequest(resumeRunBody, options))
    },
    async fork(id, principal, request) {
      const { runs } = await opened()
      return runs.fork(id, acting(principal), readRequest(forkRunBody, request))
    },
    async answerApproval(id, approvalId, answer, principal) {
      const { runs } = await opened()
      return runs.answerApproval(id, approvalId, readRequest(answerApprovalBody, answer), acting(principal))
    },
    ...embeddedMessages(opened),
    async produce(id, batch, principal) {
      return (await opened()).runs.produce(id, readRequest(produceBody, batch), acting(principal))
    },
    async finish(id, given, principal) {
      const { runs } = await opened()
      if (given === null) return runs.finish(id, null, acting(principal))
      const { stack, ...end } = given
      return runs.finish(id, { ...readRequest(finishRunBody, end), stack }, acting(principal))
    },
    async stream(id, response, principal) {
      const { runs, delivery } = await opened()
      await runs.get(id, acting(principal))
      return streamTo(delivery, id, response)
    },
    async recovered() {
      return (await opened()).runs.recovered
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

async function streamTo(
  delivery: Pick<OpenServer['delivery'], 'stream'>,
  runId: string,
  response: ServerResponse,
): Promise<RunStream> {
  const { req } = response
  const result = await delivery.stream({
    req,
    res: response,
    runId,
    headers: response.getHeaders(),
    lastEventId: [req.headers['last-event-id']].flat().join(','),
    heartbeat: { intervalMs: 30_000, text: 'heartbeat' },
    compress: false,
  })
  if (result.outcome === 'missing') throw new MillraceError('not_found', `No run ${runId}`)
  return result.outcome === 'streaming' ? result.handle : { closed: Promise.resolve(), close: () => {} }
}

/** A missing header as text: all who lack it would be one user, and see each other's runs. */
const absentAsText = ['undefined', 'null', 'NaN', '[object Object]']

/**
 * Checks a principal of the host application; null if it gave none. A missing name must not pass: a list
 * for no particular user would be a list of everyone's runs.
 */
export function checkedPrincipal(given: HostPrincipal | null | undefined): Principal | null {
  if (given === null || given === undefined) return null
  const { user, admin = false } = typeof given === 'string' ? { user: given } : given
  if (typeof user === 'string' && absentAsText.includes(user)) {
    throw new TypeError(
      `the user "${user}" is what a missing value becomes as text; return null where nobody is logged in`,
    )
  }
  if (typeof user === 'string' && user !== '' && typeof admin === 'boolean') return { user, admin }
  throw new TypeError('a principal is a user name, or {user: string, admin?: boolean}, or null')
}
