/**
 * The port of everything that does work. A runner appends events and obeys an abort signal; it sees
 * only its context: no store, no delivery, no face.
 */
import type {
  ApprovalSource,
  AttachmentBody,
  EndCause,
  FinalState,
  Form,
  FormValues,
  Run,
  RunKind,
} from '@millrace/protocol'
import type { Sandbox } from '@millrace/sandbox'
import type { Logger } from 'pino'

/** An event as a runner emits it; `data` must be JSON. */
export interface EmittedEvent {
  type: string
  data: unknown
}

/** An event that is in a log. `at` is milliseconds since the epoch. */
export interface PastEvent extends EmittedEvent {
  at: number
}

/** One line of an agent's transcript, opaque. */
export interface TranscriptEntry {
  /** The agent engine's id of the conversation. */
  conversation: string
  /** '' for the conversation itself, else the engine's path of one of its subagents. */
  subpath: string
  json: string
}

/** A tool call that people are asked to approve. `input` must be JSON. */
export interface ApprovalRequest {
  /** The agent's id of the call. */
  toolUseId: string
  tool: string
  input: unknown
  /** Why the policy asks. */
  reason: string
  /** Present when a subagent makes the call. */
  agentId?: string
  /** What people are asked to fill in. Absent: they are asked whether the call may be made. */
  form?: Form
}

export interface ApprovalAnswer {
  decision: 'allow' | 'deny'
  by: ApprovalSource
  /** The person's words. */
  message?: string
  /** What the person wants to run instead. */
  updatedInput?: Record<string, unknown>
  /** What the person filled in; as the form asks for it. */
  values?: FormValues
  /** It holds for every call of exactly this kind in the run. */
  scope?: 'run'
}

/** A message of a person to the agent of a run. */
export interface RunMessage {
  id: string
  text: string
  /** Absent where it has none. */
  attachments?: readonly AttachmentBody[]
}

/** What people say to the agent of a run, as its runner sees it. A failure of a write also aborts the run's signal. */
export interface RunMessages {
  /**
   * Takes the message that starts a turn, those that join one, or the one that cuts it: nobody can withdraw them from
   * then on. `sealed`: none is left and no more will come. `seal` brings that about if none is left.
   */
  take(take: {
    want: 'turn' | 'joining' | 'interrupt'
    seal: boolean
  }): Promise<{ messages: readonly RunMessage[]; sealed: boolean }>
  /** Records that a message that was taken is part of the conversation. */
  delivered(messageId: string): Promise<void>
  /** Calls `hint` whenever there may be more to take, and sometimes when not. Returns a function that ends it. */
  listen(hint: () => void): () => void
}

export interface RunContext {
  readonly run: Run
  /** Where the work happens; null for a run without a project. */
  readonly project: { id: string; path: string } | null
  /**
   * Aborted when the run is to end. Its `reason` is an `EndRequest`. The runner then ends its
   * processes, drains their pipes and returns; its outcome is ignored.
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
   * Reports that the work has begun; `data` is merged into the `run:started` event. Neither this nor
   * `recordProcess` need be awaited: later events follow it in the log, and a failure aborts `signal`.
   */
  started(data?: Record<string, unknown>): Promise<void>
  /** Records the process that does the work, so that it can be found after a crash of the server. */
  recordProcess(process: { pid: number; startTime: number }): Promise<void>
  /**
   * Asks people to approve a tool call and waits for their answer. Request and answer are recorded in
   * the run's log; the first answer wins; without one it is denied when it expires. Rejects when the run
   * ends, or when the request could not be stored, which also aborts `signal`. Need not be awaited. In a run that was
   * parked, a call that was asked about before is not asked about again: the same question is answered, or was.
   */
  ask(request: ApprovalRequest): Promise<ApprovalAnswer>
  /** Withdraws the open question about a call, as refused; without one, does nothing. A failure also aborts `signal`. */
  withdraw(toolUseId: string): Promise<void>
  /**
   * Set where an earlier attempt was parked: the stored conversation ends with a call that people were asked about, and
   * the agent begins with that.
   */
  readonly woken: Woken | null
  /**
   * Adds to the stored conversation, for a later run to resume. On disk when the promise resolves; a
   * failure also aborts `signal`.
   */
  appendTranscript(entries: TranscriptEntry[]): Promise<void>
  /**
   * Returns the stored conversation: that of the run this one resumes, as it was when this one started,
   * and the additions of this one. In order; empty for a new conversation.
   */
  readTranscript(): Promise<TranscriptEntry[]>
  readonly messages: RunMessages
  /** The server's log, with run and project bound: for facts that operators should know. */
  readonly log: Pick<Logger, 'warn' | 'info'>
}

export interface Woken {
  /** What the run has used so far. */
  usage: Record<string, unknown> | null
  /**
   * Records that the call begins, or is refused. Until this is on disk a crash of the server lets another attempt begin it;
   * from then on a crash interrupts the run. Idempotent. A failure also aborts the signal.
   */
  begins(): Promise<void>
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

/** The result of work that ended by itself. `data` is the data of the terminal event. */
export interface RunOutcome {
  state: 'completed' | 'errored'
  data: Record<string, unknown>
  result: unknown
  error: ({ message: string } & Record<string, unknown>) | null
  usage: Record<string, unknown> | null
}

/**
 * The work goes no further without people, and needs no process until they have answered: the conversation is stored, and a
 * question of the run is, or was, open. Another attempt resumes it.
 */
export interface Parked {
  state: 'parked'
  /** What the run has used, earlier attempts included. */
  usage: Record<string, unknown> | null
}

export interface Runner<Outcome = RunOutcome | Parked> {
  readonly kind: RunKind
  run(context: RunContext): Promise<Outcome>
  /** Returns the data of the terminal event of a run that was ended from outside, or whose runner failed. */
  endedData(
    run: Run,
    state: Exclude<FinalState, 'completed'>,
    message: string,
    /** Null: the runner failed. */
    cause: EndCause | null,
  ): Record<string, unknown>
  /**
   * Returns the events that a run's log needs before its terminal one, where its runner is gone with the server and
   * could not emit them. Absent: none. `at` is the time of those events.
   */
  closing?(log: AsyncIterable<PastEvent>, at: number): Promise<EmittedEvent[]>
}
