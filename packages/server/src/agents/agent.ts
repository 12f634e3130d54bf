/**
 * The port of an agent engine: how a kind of run drives an agent, whatever program or SDK that is. An
 * engine knows nothing of kinds; it takes a task and a host, and returns a live agent.
 *
 * The agent is an object with a life of its own, apart from the promise of its end, so that the port can
 * grow methods that speak to a working agent (`steer`, `interrupt`, `setMode`, `fork`).
 */
import type { SelfTest } from '#runners/kind'
import type { RunContext, TranscriptEntry } from '#runners/runner'
import type { Gate } from './gate.ts'
import type { AgentMove } from './moves.ts'

export interface AgentEngine {
  /** Starts an agent on its first prompt. Rejects if that fails before a process runs. */
  start(task: AgentTask, host: AgentHost): Promise<LiveAgent>
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
}

export interface LiveAgent {
  /** Settles once no process of the agent is left and all it said is on disk. Rejects on an engine fault. */
  readonly ended: Promise<AgentEnd>
  /** Ends the agent from outside; its processes have `graceMs` to exit by themselves. */
  cancel(graceMs: number): void
}

export type AgentEnd = AgentCompleted | AgentFailed

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
