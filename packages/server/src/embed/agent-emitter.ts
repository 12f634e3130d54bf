/**
 * The events of an agent's execution for a program that runs the agent itself, inside the process that embeds
 * Millrace. An execution is an external run of its user (docs/embedding.md#agentsseemitter).
 *
 * Owns what this emitter's own calls said: open tool calls and phases, a count of thoughts. The log is the
 * truth. Invariant: events are in the log in the order of the calls, whichever emitter of this process made them.
 */
import { createHash, randomUUID } from 'node:crypto'
import type { ExecutionEvents, ExecutionEventType, FinishRunBody, Plan } from '@millrace/protocol'
import { type SessionHost, theRunningOne } from './agent-sessions/running.ts'

/** The nine types of event that an emitter has a method for. */
export type AgentSSEEventType = Extract<
  ExecutionEventType,
  | 'execution:started'
  | 'plan:created'
  | 'phase:start'
  | 'thinking'
  | 'tool:start'
  | 'tool:complete'
  | 'phase:complete'
  | 'execution:complete'
  | 'execution:error'
>

/** One of the nine, or an event of the application's own. Terminal types end the execution. */
export interface AgentEvent {
  type: AgentSSEEventType | (string & {})
  data?: unknown
}

export interface AgentSSEEmitterOptions {
  /** Default: the Millrace that runs in this process, which must be the only one. */
  millrace?: SessionHost
  /** Of the run, in lists. Default: the task, if the first call is `executionStarted`, else the execution's id. */
  title?: string
}

/** The data of an event, where the emitter fills in `Known`. */
type Given<Type extends AgentSSEEventType, Known extends keyof ExecutionEvents[Type]> = Omit<
  ExecutionEvents[Type],
  Known
> &
  Partial<Pick<ExecutionEvents[Type], Known>>

export interface AgentFailure {
  /** Of an Error, its message goes to followers and its stack to the log. */
  error: string | Error
  /** Default: `failed`. */
  code?: string
  /** Goes to the log and is never sent. */
  stack?: string
}

/** Bounds of `POST /api/runs` and `POST /api/runs/:id/finish`: a long message must not keep a run from ending. */
const titleCharsMax = 255
const messageCharsMax = 4096
const codeCharsMax = 64

type Append = { type: string; data: unknown }

/** The last call of each execution that has one under way. */
const lastCalls = new Map<string, Promise<unknown>>()

export class AgentSSEEmitter {
  /** The id of the run, for clients: the execution's own id if it is a UUID, else one derived from user and id. */
  readonly runId: string
  readonly #user: string
  readonly #name: string
  readonly #options: AgentSSEEmitterOptions
  readonly #calls = new Map<string, { toolName: string; at: number }>()
  readonly #phases = new Map<string, string>()
  #thoughts = 0
  #exists = false

  /** Opens nothing. The first call starts the run, unless the user has one of this id. */
  constructor(userId: string, executionId: string, options: AgentSSEEmitterOptions = {}) {
    this.runId = runIdOf(userId, executionId)
    this.#user = userId
    this.#name = executionId
    this.#options = options
  }

  executionStarted({ task, startedAt = Date.now() }: Given<'execution:started', 'startedAt'>): Promise<void> {
    return this.#inTurn(() => this.#append([{ type: 'execution:started', data: { task, startedAt } }], task))
  }

  planCreated({ plan }: { plan: Plan }): Promise<void> {
    return this.send({ type: 'plan:created', data: { plan } })
  }

  phaseStart({ phaseId, phaseName, phaseIndex }: ExecutionEvents['phase:start']): Promise<void> {
    this.#phases.set(phaseId, phaseName)
    return this.send({ type: 'phase:start', data: { phaseId, phaseName, phaseIndex } })
  }

  /** `iteration` counts the thoughts of this emitter, from 1, by default. */
  thinking({ thought, iteration, ...placed }: Given<'thinking', 'iteration'>): Promise<void> {
    this.#thoughts = iteration ?? this.#thoughts + 1
    return this.send({ type: 'thinking', data: { thought, iteration: this.#thoughts, ...placed } })
  }

  /** Resolves with the id of the call. */
  toolStart(given: Given<'tool:start', 'toolCallId'>): Promise<string> {
    const { toolName, params, toolCallId = randomUUID(), ...placed } = given
    this.#calls.set(toolCallId, { toolName, at: Date.now() })
    const data = { toolName, params, toolCallId, ...placed }
    return this.#inTurn(async () => {
      await this.#append([{ type: 'tool:start', data }])
      return toolCallId
    })
  }

  /** Without a `toolCallId`, completes the oldest open call of the tool. */
  toolComplete(given: Given<'tool:complete', 'toolCallId' | 'duration' | 'status'>): Promise<void> {
    const { toolName, result, status = 'ok', ...placed } = given
    const open = [...this.#calls].find(([, call]) => call.toolName === toolName)?.[0]
    const { toolCallId = open ?? randomUUID(), duration = this.#since(toolCallId), ...rest } = placed
    this.#calls.delete(toolCallId)
    const data = { toolName, toolCallId, result, duration, status, ...rest }
    return this.send({ type: 'tool:complete', data })
  }

  phaseComplete({ phaseId, phaseName, status }: ExecutionEvents['phase:complete']): Promise<void> {
    this.#phases.delete(phaseId)
    const data = { phaseId, phaseName, ...(status === undefined ? {} : { status }) }
    return this.send({ type: 'phase:complete', data })
  }

  /** Ends the execution. `duration` is the time since the run's start by default. */
  executionComplete(given: Partial<ExecutionEvents['execution:complete']> = {}): Promise<void> {
    const { result, duration, tokensUsed } = given
    return this.#finish({ state: 'completed', result, duration, tokensUsed: tokensUsed ?? undefined })
  }

  /** Ends the execution as failed. */
  executionError({ error, code, stack }: AgentFailure): Promise<void> {
    const text = error instanceof Error ? error.message : String(error)
    const failure = {
      message: text.slice(0, messageCharsMax),
      ...(code === undefined ? {} : { code: code.slice(0, codeCharsMax) }),
    }
    const where = stack ?? (error instanceof Error ? error.stack : undefined)
    const end = { state: 'errored', error: failure } as const
    return this.#finish(where === undefined ? end : { ...end, stack: where })
  }

  /** Appends an event as it is. One of a terminal type ends the execution as its method does. */
  send({ type, data }: AgentEvent): Promise<void> {
    if (type === 'execution:complete') return this.executionComplete({ ...(data as object) })
    if (type === 'execution:error') {
      const failure = { error: 'The execution failed', ...(data as object) }
      return this.executionError(failure)
    }
    return this.#inTurn(() => this.#append([{ type, data }]))
  }

  /** A sign of life: an execution that says nothing for 15 minutes ends as interrupted. */
  alive(): Promise<void> {
    return this.#inTurn(() => this.#append([]))
  }

  /** Closes what is still open, so that no page shows a tool at work in an execution that is over. */
  #finish(end: FinishRunBody & { stack?: string }): Promise<void> {
    const left: Append[] = [
      ...[...this.#calls].map(([toolCallId, { toolName }]) => ({
        type: 'tool:complete',
        data: { toolName, toolCallId, result: null, duration: this.#since(toolCallId), status: 'cancelled' },
      })),
      ...[...this.#phases].map(([phaseId, phaseName]) => ({
        type: 'phase:complete',
        data: { phaseId, phaseName, status: 'incomplete' },
      })),
    ]
    this.#calls.clear()
    this.#phases.clear()
    return this.#inTurn(async () => {
      if (left.length > 0) await this.#append(left)
      const { runs } = await this.#host()
      await runs.finish(this.runId, end, this.#user)
    })
  }

  async #append(events: Append[], task = this.#name): Promise<void> {
    const { runs } = await this.#host(task)
    await runs.produce(this.runId, { events }, this.#user)
  }

  /** The Millrace, once the run exists in it. */
  async #host(task = this.#name): Promise<SessionHost> {
    const host = this.#options.millrace ?? theRunningOne()
    if (this.#exists) return host
    const title = (this.#options.title ?? task).slice(0, titleCharsMax) || 'Execution'
    await host.runs.start({ kind: 'external', title }, this.#user, { id: this.runId })
    this.#exists = true
    return host
  }

  #since(toolCallId: string): number {
    const now = Date.now()
    return Math.max(0, now - (this.#calls.get(toolCallId)?.at ?? now))
  }

  /**
   * After every earlier call for the same execution. A caller may leave the promise unawaited: its failure
   * is then nobody's, and the call that awaits later fails for the same reason.
   */
  #inTurn<Result>(action: () => Promise<Result>): Promise<Result> {
    const key = `${this.runId} ${this.#user}`
    const done = (lastCalls.get(key) ?? Promise.resolve()).then(action)
    const settled = done
      .catch(() => undefined)
      .then(() => {
        if (lastCalls.get(key) === settled) lastCalls.delete(key)
      })
    lastCalls.set(key, settled)
    return done
  }
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/**
 * The id of the run of a user's execution. What is no UUID of its own becomes one (version 8 of RFC 9562),
 * always the same for the same user, so that an application's names need not be unique among users.
 */
export function runIdOf(userId: string, executionId: string): string {
  if (typeof userId !== 'string' || userId === '' || typeof executionId !== 'string' || executionId === '') {
    throw new TypeError('an execution belongs to a user and has an id: both are texts that are not empty')
  }
  const known = executionId.toLowerCase()
  if (uuid.test(known)) return known
  const bytes = createHash('sha256')
    .update(JSON.stringify([userId, executionId]))
    .digest()
    .subarray(0, 16)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
