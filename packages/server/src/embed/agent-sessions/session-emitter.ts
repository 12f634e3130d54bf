/**
 * The messages of one session as an EventEmitter.
 *
 * Owns the one follower of its session, and only while there is a listener: the first listener starts it, the
 * last one that leaves ends it, and the next one resumes after the message emitted last. So a listener of a
 * session that is running, or over, receives its messages from the first one, and an emitter without
 * listeners follows nothing. Invariant: each message is emitted once, in log order, and `end` is the last.
 */
import { EventEmitter } from 'node:events'
import type { SDKMessage } from '@anthropic-ai/claude-agent-sdk'
import {
  finalStates,
  type LogEvent,
  lifecycleTypes,
  type PermissionDeniedEvent,
  type PermissionRequestedEvent,
  type PermissionResolvedEvent,
  permissionTypes,
  type SessionEndEvent,
} from '@millrace/protocol'

type SdkEvents = { [Type in SDKMessage['type']]: [message: Extract<SDKMessage, { type: Type }>] }

/**
 * `message`: every message of the agent SDK, which is also emitted under its own type (`system`, `assistant`,
 * `user`, `stream_event`, `result` …). Approvals and denials are emitted under their type only. `end`: the
 * session is over. `error`: its log can no longer be read; not emitted without a listener for it.
 */
export interface SessionEvents extends SdkEvents {
  message: [message: SDKMessage]
  'run:queued': [data: Record<string, unknown>]
  'run:started': [data: Record<string, unknown>]
  'permission:requested': [request: PermissionRequestedEvent]
  'permission:resolved': [answer: PermissionResolvedEvent]
  'permission:denied': [denial: PermissionDeniedEvent]
  end: [end: SessionEndEvent]
  error: [error: Error]
  newListener: [type: string | symbol]
  removeListener: [type: string | symbol]
}

export type FollowSession = (options: { after: number; signal: AbortSignal }) => AsyncIterable<LogEvent>

const ours: readonly string[] = [...Object.values(lifecycleTypes), ...Object.values(permissionTypes)]
const watchers: readonly string[] = ['newListener', 'removeListener']
/** Names that have a meaning of their own here, whatever type of the log has the same name. */
const taken: readonly string[] = ['message', 'end', ...watchers]

export class SessionEmitter extends EventEmitter<SessionEvents> {
  readonly #id: string
  readonly #follow: FollowSession
  /** `seq` of the last emitted message. */
  #after = 0
  #over = false
  #following: AbortController | null = null

  constructor(id: string, follow: FollowSession) {
    super()
    this.#id = id
    this.#follow = follow
    this.setMaxListeners(0)
    this.#watch()
  }

  /** Keeps the listeners that watch for listeners. */
  override removeAllListeners(type?: string | symbol): this {
    if (type === undefined) super.removeAllListeners()
    else super.removeAllListeners(type)
    this.#watch()
    return this
  }

  #watch(): void {
    if (this.listenerCount('removeListener') === 0) this.on('removeListener', this.#onLeft)
    if (this.listenerCount('newListener') === 0) this.on('newListener', this.#onJoined)
    this.#onLeft()
  }

  readonly #onJoined = (type: string | symbol): void => {
    if (watchers.includes(String(type)) || this.#over || this.#following !== null) return
    this.#following = new AbortController()
    void this.#read(this.#following.signal)
  }

  readonly #onLeft = (): void => {
    if (this.eventNames().some((type) => !watchers.includes(String(type)))) return
    this.#following?.abort()
    this.#following = null
  }

  async #read(signal: AbortSignal): Promise<void> {
    try {
      for await (const event of this.#follow({ after: this.#after, signal })) {
        if (signal.aborted) return
        this.#after = event.seq
        this.#dispatch(event)
      }
    } catch (error) {
      if (!signal.aborted && this.listenerCount('error') > 0) this.#emitSafely('error', error)
    }
    if (!signal.aborted) this.#following = null
  }

  #dispatch({ type, data }: LogEvent): void {
    const end = finalStates.find((state) => state === type)
    if (end !== undefined) {
      this.#over = true
      this.#emitSafely('end', { sessionId: this.#id, state: end, ...(data as object) })
      return
    }
    if (!ours.includes(type)) this.#emitSafely('message', data)
    if (taken.includes(type) || this.listenerCount(type) === 0) return
    this.#emitSafely(type, data)
  }

  /** A listener that throws causes an uncaught exception, as with every Node emitter, and delays no other. */
  #emitSafely(type: string, value: unknown): void {
    try {
      ;(this as EventEmitter).emit(type, value)
    } catch (error) {
      process.nextTick(() => {
        throw error
      })
    }
  }
}
