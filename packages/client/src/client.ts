/** Following, and the calls of a server's native face (docs/protocol.md#3-native-face) and of its executions face. */
import type {
  AnswerApprovalBody,
  ApprovalResponse,
  EventsPage,
  ForkRunBody,
  ListRunsQuery,
  ListRunsResponse,
  Message,
  MessageResponse,
  MessagesResponse,
  ProjectsResponse,
  ResumeRunBody,
  Run,
  RunChangesResponse,
  RunResponse,
  SendMessageBody,
  SentMessageResponse,
  StartExecutionBody,
  StartRunBody,
  ToolsResponse,
} from '@millrace/protocol'
import { type Connection, call } from './connection.ts'
import type { EventsOf } from './events.ts'
import { type Following, type FollowOptions, follow } from './follow.ts'

/** Every call fails with a `ClientError`; one whose `signal` aborts fails with the reason of the signal. */
export interface Client {
  /** Puts a run in the queue. With a repeated `idempotencyKey` the first run is returned. */
  start(body: StartRunBody, options?: CallOptions & { idempotencyKey?: string }): Promise<Run>
  get(runId: string, options?: CallOptions): Promise<Run>
  /** Newest first. */
  list(query?: ListRunsQuery, options?: CallOptions): Promise<ListRunsResponse>
  /** One page of a run's log, for callers that poll. With `q`, only events that contain this text. */
  events(
    runId: string,
    query?: { after?: number; limit?: number; q?: string },
    options?: CallOptions,
  ): Promise<EventsPage>
  /** What a session or an execution changed so far. */
  changes(runId: string, options?: CallOptions): Promise<RunChangesResponse>
  /** Ends a run. A run that is over is returned as it is. */
  abort(runId: string, options?: CallOptions): Promise<Run>
  /** Starts the same work again, as a new run. */
  retry(runId: string, options?: CallOptions): Promise<Run>
  /** Starts an execution: an agent that plans, works through phases with tools, and reports. */
  execute(body: ExecuteBody, options?: CallOptions): Promise<{ executionId: string }>
  /** Stops the work of an execution. Fails with `run_over` when it has ended already. */
  cancel(executionId: string, options?: CallOptions): Promise<void>
  /** Continues a conversation, as a new run. */
  resume(runId: string, body?: ResumeRunBody, options?: CallOptions): Promise<Run>
  /** Starts a session with the conversation that another one had at an event. */
  fork(runId: string, body: ForkRunBody, options?: CallOptions): Promise<Run>
  /** Answers a question that a run put to people. */
  answer(
    runId: string,
    approvalId: string,
    body: AnswerApprovalBody,
    options?: CallOptions,
  ): Promise<ApprovalResponse['approval']>
  /** Says something to the agent of an open session or execution. */
  say(runId: string, body: SendMessageBody, options?: CallOptions): Promise<SentMessageResponse>
  /** Messages that are not delivered, the oldest first. */
  messages(runId: string, options?: CallOptions): Promise<Message[]>
  /** Takes back a message. Fails with `message_taken` once the agent has it. */
  withdraw(runId: string, messageId: string, options?: CallOptions): Promise<Message>
  /** Lets an interactive session complete once its turn is over and no message waits. */
  finish(runId: string, options?: CallOptions): Promise<Run>
  projects(options?: CallOptions): Promise<ProjectsResponse>
  tools(options?: CallOptions): Promise<ToolsResponse['tools']>
  /** Follows a run to its end, across lost connections and restarts of the server. */
  follow<Kind extends Run['kind'] | undefined = undefined>(
    runId: string,
    options?: FollowOptions<EventsOf<Kind>> & { kind?: Kind },
  ): Following<EventsOf<Kind>>
}

/** `POST /api/agent/execute`: an execution as `start` takes it, with another name for its project. */
export interface ExecuteBody extends Omit<StartExecutionBody, 'kind' | 'project'> {
  /** Default: the only one. */
  projectId?: StartExecutionBody['project']
}

export interface CallOptions {
  signal?: AbortSignal
}

const executePath = '/api/agent/execute'

export function createClient(connection: Connection): Client {
  const runPath = (id: string, then = '') => `/api/runs/${encodeURIComponent(id)}${then}`
  const post = async (id: string, then: string, body: unknown, { signal }: CallOptions = {}): Promise<Run> =>
    (await call<RunResponse>(connection, { method: 'POST', path: runPath(id, then), body, signal })).run
  return {
    start: async (body, { idempotencyKey, signal } = {}) => {
      const headers: Record<string, string> =
        idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }
      const request = { method: 'POST', path: '/api/runs', body, headers, signal }
      return (await call<RunResponse>(connection, request)).run
    },
    get: async (id, { signal } = {}) =>
      (await call<RunResponse>(connection, { path: runPath(id), signal })).run,
    list: (query, { signal } = {}) => call(connection, { path: '/api/runs', query: { ...query }, signal }),
    events: (id, query, { signal } = {}) =>
      call(connection, { path: runPath(id, '/events'), query: { ...query }, signal }),
    changes: (id, { signal } = {}) => call(connection, { path: runPath(id, '/changes'), signal }),
    abort: (id, options) => post(id, '/abort', undefined, options),
    retry: (id, options) => post(id, '/retry', undefined, options),
    execute: (body, { signal } = {}) => call(connection, { method: 'POST', path: executePath, body, signal }),
    cancel: async (id, { signal } = {}) => {
      const path = `${executePath}/${encodeURIComponent(id)}/cancel`
      await call(connection, { method: 'POST', path, signal })
    },
    resume: (id, body, options) => post(id, '/resume', body, options),
    fork: (id, body, options) => post(id, '/fork', body, options),
    answer: async (id, approvalId, body, { signal } = {}) => {
      const path = runPath(id, `/approvals/${encodeURIComponent(approvalId)}`)
      return (await call<ApprovalResponse>(connection, { method: 'POST', path, body, signal })).approval
    },
    say: (id, body, { signal } = {}) =>
      call(connection, { method: 'POST', path: runPath(id, '/messages'), body, signal }),
    messages: async (id, { signal } = {}) =>
      (await call<MessagesResponse>(connection, { path: runPath(id, '/messages'), signal })).messages,
    withdraw: async (id, messageId, { signal } = {}) => {
      const path = runPath(id, `/messages/${encodeURIComponent(messageId)}`)
      return (await call<MessageResponse>(connection, { method: 'DELETE', path, signal })).message
    },
    finish: (id, options) => post(id, '/finish', undefined, options),
    projects: ({ signal } = {}) => call(connection, { path: '/api/projects', signal }),
    tools: async ({ signal } = {}) =>
      (await call<ToolsResponse>(connection, { path: '/api/tools', signal })).tools,
    follow: (runId, options) => follow(connection, runId, options),
  }
}
