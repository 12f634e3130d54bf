/**
 * The port of an agent engine: how a kind of run drives an agent, whatever program or SDK that is. An
 * engine knows nothing of kinds; it takes a task and a host, and returns a live agent.
 *
 * An agent works in turns: the prompt starts the first one, a message each later one. Messages are never
 * pushed at an engine. It asks its `Dialogue` at its own boundaries, so that a message can be withdrawn until the
 * moment the agent takes it:
 *
 *     prompt ─▶ turn ─▶ nextTurn() ─▶ message ─▶ turn ─▶ nextTurn() ─▶ null ─▶ ended
 *                │ ▲
 *                └─┴─ joining(), where a turn can take messages in: between two calls of tools
 *     interrupt() ─▶ the turn is over now ─▶ nextTurn()
 */
import type { AttachmentBody } from '@millrace/protocol'
import type { SelfTest } from '#runners/kind'
import type { Parked, RunContext, TranscriptEntry, Woken } from '#runners/runner'
import type { Gate } from './gate.ts'
import type { AgentMove } from './moves.ts'

export interface AgentEngine {
  /** Starts an agent on its first prompt. Rejects if that fails before a process runs. */
  start(task: AgentTask, host: AgentHost): Promise<LiveAgent<AgentStop>>
  /** Checks whether agents can be started and the gate holds. Never rejects. */
  selfTest(): Promise<SelfTest>
}

/** An engine whose agents report what they do as moves, for executions. */
export interface ExecutionEngine {
  /** Returns why this engine cannot run the request; null if it can. */
  refuses(request: { model: string | undefined; limits: ExecutionLimits }): string | null
  start(task: ExecutionTask, host: ExecutionHost): Promise<LiveAgent>
  selfTest(): Promise<SelfTest>
}

/** What an execution may use. Null: no limit of its own. */
export interface ExecutionLimits {
  iterations: number
  tokens: number | null
  /** Kept by the runner, which cancels the agent. */
  seconds: number
  usd: number | null
}

export interface ExecutionTask extends AgentTask {
  limits: ExecutionLimits
}

export interface ExecutionHost extends AgentHost {
  /**
   * Reports moves; resolves when their events are on disk. In the same tick as `appendTranscript`, both share a
   * commit. Need not be awaited.
   */
  report(moves: readonly AgentMove[]): Promise<void>
}

export interface AgentTask {
  runId: string
  prompt: string
  projectPath: string
  /** Absolute, inside the project. */
  cwd: string
  /** Absent: the engine chooses. */
  model: string | undefined
  /** The stored conversation. Empty for a new one. */
  transcript: readonly TranscriptEntry[]
  /** Whose caches of tools the agent may use, those of the owner's earlier runs in the project. Absent: none last. */
  cacheOwner?: string
  /**
   * The process may end once people have not answered a question for this long, if the conversation can be resumed with
   * the call that they are asked about: the agent then ends as `parked`. Absent: it waits with its process.
   */
  parkAfterMs?: number
  /** People can be asked questions that are not about permission. Absent: the agent is not offered a way. */
  questions?: boolean
  /** The conversation ends with a call that people were asked about: the agent begins with that, and reads no prompt. */
  woken?: Woken | null
  /** The conversation must be resumed: the agent ends with `not_resumable` if the transcript does not suffice. */
  resumes: boolean
}

/** The part of a run that its agent may use. */
export interface AgentHost
  extends Pick<
    RunContext,
    'emit' | 'uncommittedBytes' | 'started' | 'recordProcess' | 'appendTranscript' | 'sandbox'
  > {
  /** Judges every tool call. The engine sets its `listener`. */
  gate: Gate
  dialogue: Dialogue
}

/** A message of a person to an agent at work. */
export interface AgentMessage {
  /** A UUID, unique among the messages of all runs. */
  id: string
  text: string
  /** Absent where it has none. */
  attachments?: readonly AttachmentBody[]
}

/**
 * What people say to an agent, where the engine can ask for it. A message that was returned is the engine's to deliver:
 * nobody can withdraw it from then on. If the run ends before `delivered()` is on disk, the run that resumes this one
 * starts with it.
 */
export interface Dialogue {
  /**
   * Resolves with the message that starts the next turn; null: the agent is to end with what it has. Call it when a
   * turn is over, interrupted ones included, and nothing that was returned is undelivered. In an interactive session it
   * waits for people, for minutes; a process may stay silent during that time. Rejects when the run is to end.
   */
  nextTurn(): Promise<AgentMessage | null>
  /**
   * Resolves with the messages that join the running turn now. Call it where the turn can take them in before the model
   * is asked again. An engine without such a place never calls it: its messages start turns. Cheap when nothing waits.
   * Rejects when the run is to end.
   */
  joining(): Promise<AgentMessage[]>
  /**
   * Reports that a message is part of the conversation. Call it in the same tick as the `appendTranscript` that stores
   * it there, so that both share a commit. Need not be awaited: a failure also ends the run.
   */
  delivered(messageId: string): Promise<void>
}

export interface LiveAgent<Stop = AgentEnd> {
  /** Settles once no process of the agent is left and all it said is on disk. Rejects on an engine fault. */
  readonly ended: Promise<Stop>
  /** Ends the agent from outside; its processes have `graceMs` to exit by themselves. */
  cancel(graceMs: number): void
  /**
   * Ends the running turn, not the agent: running tools are killed, what was done stays in the conversation, and the
   * engine calls `nextTurn()`. After the end of a turn it does nothing until that call; from then on it is about the turn
   * that follows, even if that has not begun. Absent: the engine cannot do that, and the message waits for the end of
   * the turn.
   */
  interrupt?(): void
}

export type AgentEnd = AgentCompleted | AgentFailed

/** What a task with `parkAfterMs` may end as besides. */
export type AgentStop = AgentEnd | Parked

interface AgentCompleted {
  state: 'completed'
  result: Record<string, unknown>
  usage: Record<string, unknown> | null
}

interface AgentFailed {
  state: 'errored'
  /** One word. */
  reason: string
  /** For a person. */
  error: string
  result: Record<string, unknown> | null
  usage: Record<string, unknown> | null
}

export function failed(reason: string, error: string): AgentFailed {
  return { state: 'errored', reason, error, result: null, usage: null }
}
