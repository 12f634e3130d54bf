/**
 * The port of everything that does work. A runner appends events and obeys an abort signal; it sees
 * its context and nothing else: no store, no delivery, no face.
 */
import type { ApprovalSource, EndCause, FinalState, Run, RunKind } from '@millrace/protocol'
import type { Sandbox } from '@millrace/sandbox'
import type { Logger } from 'pino'

/** An event as a runner emits it; `data` must be JSON. */
export interface EmittedEvent {
  type: string
  data: unknown
}

/** One line of an agent's transcript, opaque. */
export interface TranscriptEntry {
  /** Id of the conversation, as the agent SDK gave it. */
  conversation: string
  /** '' for the conversation itself, else the SDK's path of a subagent in it. */
  subpath: string
  json: string
}

/** What people are asked: may this call of a tool be made? `input` must be JSON. */
export interface Question {
  /** The SDK's id of the call. */
  toolUseId: string
  tool: string
  input: unknown
  /** Why they are asked. */
  reason: string
  /** Present when a subagent makes the call. */
  agentId?: string
}

export interface Answer {
  decision: 'allow' | 'deny'
  by: ApprovalSource
  /** What the person added. */
  message?: string
}

export interface RunContext {
  readonly run: Run
  /** Where the work happens; null for a run without a project. */
  readonly project: { id: string; path: string } | null
  /**
   * Aborted when the run is to end. Its `reason` is an `EndRequest`. The runner then ends its
   * processes, drains their pipes and returns; what it returns is not looked at.
   */
  readonly signal: AbortSignal
  readonly sandbox: Sandbox
  /**
   * Appends events, in order. Resolves when they are on disk; rejects when the run is no longer this
   * attempt's. Need not be awaited: a failure also aborts `signal`.
   */
  emit(events: EmittedEvent[]): Promise<void>
  /** Bytes emitted and not yet on disk: a runner stops reading its child above `emitHighWater`. */
  readonly uncommittedBytes: number
  /**
   * Says that the work has begun; `data` is joined to the `run:started` event. Need not be awaited, nor
   * need `recordProcess`: what is emitted afterwards stands after it, and a failure also aborts `signal`.
   */
  started(data?: Record<string, unknown>): Promise<void>
  /** Records the process that does the work, so that it can be found after a crash of the server. */
  recordProcess(process: { pid: number; startTime: number }): Promise<void>
  /**
   * Puts a question to people and waits for the answer. Question and answer are recorded in the run's
   * log; the first answer wins; unanswered, it is a denial when it expires. Rejects when the run ends, or
   * when the question could not be put, which also aborts `signal`. Need not be awaited.
   */
  ask(question: Question): Promise<Answer>
  /**
   * Adds to what is kept of the conversation, for a later run to go on with. On disk when the promise
   * resolves; a failure also aborts `signal`.
   */
  appendTranscript(entries: TranscriptEntry[]): Promise<void>
  /**
   * What is kept of the conversation: that of the run this one resumes, as it was when this one was
   * started, and what this one has added. In order; empty for a new conversation.
   */
  readTranscript(): Promise<TranscriptEntry[]>
  /** The server's log, with run and project bound: for what people should know besides the run's log. */
  readonly log: Pick<Logger, 'warn' | 'info'>
}

/** A child's pipes are paused above this many emitted bytes that are not yet on disk. */
export const emitHighWater = 4 * 1024 * 1024

/** Reason of an aborted `RunContext.signal`. */
export class EndRequest extends Error {
  override readonly name = 'EndRequest'
  readonly endCause: EndCause

  constructor(cause: EndCause, message: string) {
    super(message)
    this.endCause = cause
  }
}

/** How the work ended by itself. `data` is the data of the terminal event. */
export interface RunOutcome {
  state: 'completed' | 'errored'
  data: Record<string, unknown>
  result: unknown
  error: ({ message: string } & Record<string, unknown>) | null
  usage: Record<string, unknown> | null
}

export interface Runner {
  readonly kind: RunKind
  run(context: RunContext): Promise<RunOutcome>
  /** Data of the terminal event of a run that was ended from outside, or whose runner failed. */
  endedData(
    run: Run,
    state: Exclude<FinalState, 'completed'>,
    message: string,
    /** Null: the runner failed. */
    cause: EndCause | null,
  ): Record<string, unknown>
}
