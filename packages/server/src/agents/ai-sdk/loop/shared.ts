/** What every agent of one execution shares: its model, its limits, and the way to tools and people. */
import { createHash } from 'node:crypto'
import type { ProcessLimits } from '@millrace/sandbox'
import type { ModelMessage } from 'ai'
import type { ExecutionHost, ExecutionTask } from '#agents/agent'
import type { Meter } from '#agents/spending/meter'
import type { AgentTool } from '#agents/tools/tool'
import type { Clock } from '#time/clock'
import type { ResolvedModel } from '../model/entry.ts'
import type { Model, ProviderOptions } from '../model/open.ts'
import type { FileTurns } from './file-turns.ts'
import type { SilenceLimits } from './silence.ts'

export interface Shared {
  task: ExecutionTask
  host: ExecutionHost
  model: ResolvedModel
  languageModel: Model
  providerOptions: ProviderOptions
  cacheMark: { providerOptions?: ProviderOptions }
  maxRetries: number
  silence: SilenceLimits
  clock: Clock
  meter: Meter
  tools: readonly AgentTool[]
  /** Of the calls of every agent of the execution. */
  turns: FileTurns
  /** The environment of every run. */
  environment: Readonly<Record<string, string>>
  limits: ProcessLimits
  /** Aborted when the execution ends: by a cancel, or because one of its agents failed. */
  ended: AbortSignal
  /** Aborted when `ended` is, and when the running turn is cut. */
  signal: AbortSignal
  /** Ends the execution: the first failure is its cause. */
  fail(error: unknown): void
  /** Waits while too much is on its way to the disk. */
  room(): Promise<void>
  uniqueIds(message: ModelMessage): { renamed: ModelMessage; ids: string[] }
}

/** What providers accept at most. */
const nameCharsMax = 64

/** The name of a tool: a model may invent one of any length. */
export function boundedName(name: string): string {
  return name.slice(0, nameCharsMax)
}

/** An id is in every event of its call: one that is long, or no plain text, is replaced. */
function plainId(id: string): string {
  if (/^[\x21-\x7e]{1,200}$/.test(id)) return id
  return `call-${createHash('sha256').update(id).digest('base64url').slice(0, 16)}`
}

/**
 * Makes the ids of calls unique in an execution: some servers begin anew in every answer. The first use of
 * an id keeps it.
 */
export function uniqueIdsAfter(used: Iterable<string>): Shared['uniqueIds'] {
  const known = new Set(used)
  const take = (id: string): string => {
    const plain = plainId(id)
    let free = plain
    for (let count = 2; known.has(free); count += 1) free = `${plain}-${count}`
    known.add(free)
    return free
  }
  return (message) => {
    if (message.role !== 'assistant' || typeof message.content === 'string')
      return { renamed: message, ids: [] }
    const ids: string[] = []
    const content = message.content.map((part) => {
      if (part.type !== 'tool-call') return part
      const toolCallId = take(part.toolCallId)
      ids.push(toolCallId)
      return { ...part, toolCallId, toolName: boundedName(part.toolName) }
    })
    return { renamed: { ...message, content }, ids }
  }
}
