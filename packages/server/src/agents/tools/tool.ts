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
  /** Aborted: the tool's processes are ended before `run` returns. */
  signal: AbortSignal
  recordProcess(process: { pid: number; startTime: number }): Promise<void>
}

export interface ToolResult {
  ok: boolean
  /** What the model reads. */
  text: string
  details?: Record<string, unknown>
}
