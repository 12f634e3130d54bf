/** A tool of an agent, whatever engine drives it. */
import type { ProcessLimits, Sandbox } from '@millrace/sandbox'
import type { z } from 'zod'

export interface AgentTool {
  readonly name: 'read' | 'search' | 'list' | 'edit' | 'write' | 'shell' | 'fetch'
  /** For the model: what the tool does, its limits, and what to do instead. */
  readonly description: string
  /** Every field has a description. */
  readonly input: z.ZodObject
  /** How the policy judges the call, in the words it knows. */
  judgedAs(input: unknown): { tool: string; input: Record<string, unknown> }
  /** The file that a call changes, absolute. Calls that change the same file do not run at the same time. */
  fileOf?(input: unknown, cwd: string): string
  /** Runs a call that the gate permitted. Yields live output. Throws only on a fault of ours. */
  run(input: unknown, context: ToolContext): AsyncGenerator<string, ToolResult>
}

export interface ToolContext {
  runId: string
  sandbox: Sandbox
  projectPath: string
  cwd: string
  environment: Readonly<Record<string, string>>
  limits: ProcessLimits
  /** Whose caches of tools commands may use. Absent: none last. */
  cacheOwner?: string | undefined
  /** Aborted: the tool's processes are ended before `run` returns. A `CallEnd` as the reason says how fast. */
  signal: AbortSignal
  recordProcess(process: { pid: number; startTime: number }): Promise<void>
}

/** Why a call is ended, with the time that its processes have to exit by themselves. */
export class CallEnd extends Error {
  // As libraries know an abort.
  override readonly name = 'AbortError'
  readonly graceMs: number

  constructor(graceMs: number) {
    super('the call is ended')
    this.graceMs = graceMs
  }
}

export interface ToolResult {
  ok: boolean
  /** What the model reads. */
  text: string
  details?: Record<string, unknown>
}
