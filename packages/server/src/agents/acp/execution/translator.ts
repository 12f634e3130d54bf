/**
 * From the updates of an agent that speaks ACP to the moves of an execution. Pure: what it returns follows from the updates
 * alone. What it does not know it ignores.
 *
 * Owns: the thought and the text that are being written, the calls that are open, the phases by name, the totals.
 */
import type { PlanPhase, ToolStatus } from '@millrace/protocol'
import type { AgentMove } from '#agents/moves'
import { type JsonRecord, recordOf } from '../lines.ts'

interface OpenCall {
  toolName: string
  params: JsonRecord
  /** Its beginning was reported. */
  began: boolean
  /** The text of its content so far. */
  output: string
  isDenied: boolean
  parentToolCallId?: string
}

const callsMax = 1000
const namesMax = 1000

export class Translator {
  readonly #goal: string
  readonly #calls = new Map<string, OpenCall>()
  readonly #phaseIds = new Map<string, string>()
  #thought = ''
  #message = 0
  #isTexting = false
  #hasWorked = true
  #tokens: Record<string, number> = {}
  #costUsd: number | null = null
  #steps = 0

  /** `goal`: that of a plan, which the protocol does not have. */
  constructor(goal: string) {
    this.#goal = goal
  }

  /** `costUsd` is null where the agent does not say what it cost. */
  get usage(): { tokens: Record<string, number>; costUsd: number | null } {
    return { tokens: this.#tokens, costUsd: this.#costUsd }
  }

  /** Answers of the model, as far as they show: one begins with the first word after a call. */
  get steps(): number {
    return this.#steps
  }

  /** The gate denied a call; its end is to come. */
  denied(toolCallId: string): void {
    const call = this.#calls.get(toolCallId)
    if (call !== undefined) call.isDenied = true
  }

  /** An event of a session. */
  take(type: string, data: unknown): AgentMove[] {
    const fields = recordOf(data) ?? {}
    switch (type) {
      case 'acp:agent_thought_chunk': {
        const step = this.#step()
        this.#isTexting = false
        this.#thought += textIn(fields.content)
        return step
      }
      case 'acp:agent_message_chunk':
        return [...this.#step(), ...this.#closed(), ...this.#text(fields)]
      case 'acp:tool_call':
      case 'acp:tool_call_update':
        return [...this.#step(), ...this.#closed(), ...this.#call(fields)]
      case 'acp:plan':
        return [...this.#closed(), ...this.#plan(fields)]
      case 'acp:usage_update': {
        const { amount, currency } = recordOf(fields.cost) ?? {}
        if (typeof amount !== 'number' || currency !== 'USD') return []
        this.#costUsd = amount
        return [{ move: 'usage', ...this.usage }]
      }
      case 'acp:turn_end':
        return [...this.#closed(), ...this.#count(fields)]
      case 'acp:session':
        return [{ move: 'note', type, data: fields }]
      default:
        return []
    }
  }

  #step(): AgentMove[] {
    if (!this.#hasWorked) return []
    this.#hasWorked = false
    this.#steps += 1
    return [{ move: 'step' }]
  }

  /** A thought is whole when something else comes. */
  #closed(): AgentMove[] {
    const thought = this.#thought
    this.#thought = ''
    return thought === '' ? [] : [{ move: 'thought', thought }]
  }

  #text({ content, messageId }: JsonRecord): AgentMove[] {
    const text = textIn(content)
    if (text === '') return []
    if (!this.#isTexting) this.#message += 1
    this.#isTexting = true
    return [
      { move: 'text', messageId: typeof messageId === 'string' ? messageId : `m${this.#message}`, text },
    ]
  }

  #call(fields: JsonRecord): AgentMove[] {
    const { toolCallId: id, status, content } = fields
    if (typeof id !== 'string' || id === '') return []
    this.#isTexting = false
    const call = this.#described(id, fields)
    const isOver = status === 'completed' || status === 'failed'
    const moves: AgentMove[] = []
    // An agent may announce a call before it knows its input.
    const isKnown = Object.keys(recordOf(fields.rawInput) ?? {}).length > 0
    if (!call.began && (isOver || status === 'in_progress' || isKnown)) {
      call.began = true
      const { toolName, params, parentToolCallId } = call
      const place = parentToolCallId === undefined ? {} : { parentToolCallId }
      moves.push({ move: 'tool-start', toolCallId: id, toolName, params, ...place })
    }
    const output = Array.isArray(content) ? content.map(partOf).filter(Boolean).join('\n') : call.output
    // The content of a call is always the whole of it.
    const added = output.startsWith(call.output) ? output.slice(call.output.length) : output
    call.output = output
    if (!isOver) {
      if (call.began && added !== '') moves.push({ move: 'tool-output', toolCallId: id, text: added })
      return moves
    }
    this.#calls.delete(id)
    this.#hasWorked = true
    const result = output === '' ? (fields.rawOutput ?? '') : output
    moves.push({ move: 'tool-complete', toolCallId: id, status: statusOf(status, call), result })
    return moves
  }

  #described(id: string, { name, kind, title, rawInput, locations, _meta }: JsonRecord): OpenCall {
    const known = this.#calls.get(id)
    const claude = recordOf(recordOf(_meta)?.claudeCode) ?? {}
    const named = [name, claude.toolName].find((one) => typeof one === 'string') as string | undefined
    const [place] = Array.isArray(locations) ? locations : []
    const path = recordOf(place)?.path
    const parent = claude.parentToolUseId
    const call: OpenCall = {
      toolName: named ?? known?.toolName ?? (typeof kind === 'string' ? kind : 'tool'),
      params: {
        ...known?.params,
        ...(typeof title === 'string' ? { title } : {}),
        ...(typeof path === 'string' ? { path } : {}),
        ...recordOf(rawInput),
      },
      began: known?.began ?? false,
      output: known?.output ?? '',
      isDenied: known?.isDenied ?? false,
      ...(typeof parent === 'string' ? { parentToolCallId: parent } : {}),
    }
    this.#calls.set(id, call)
    for (const oldest of this.#calls.keys()) {
      if (this.#calls.size <= callsMax) break
      this.#calls.delete(oldest)
    }
    return call
  }

  /** Each plan replaces the one before; a phase is the same as long as its name is. */
  #plan({ entries }: JsonRecord): AgentMove[] {
    if (!Array.isArray(entries)) return []
    const phases = entries.flatMap((entry): PlanPhase[] => {
      const { content: name, status } = recordOf(entry) ?? {}
      if (typeof name !== 'string' || (!this.#phaseIds.has(name) && this.#phaseIds.size >= namesMax))
        return []
      const id = this.#phaseIds.get(name) ?? `p${this.#phaseIds.size + 1}`
      this.#phaseIds.set(name, id)
      return [{ id, name, status: phaseStatus(status) }]
    })
    return [{ move: 'plan', goal: this.#goal, phases }]
  }

  #count(answer: JsonRecord): AgentMove[] {
    const counted =
      recordOf(answer.usage) ?? recordOf(recordOf(recordOf(answer._meta)?.quota)?.token_count) ?? {}
    for (const [from, to] of tokenNames) {
      const count = counted[from]
      if (typeof count === 'number') this.#tokens[to] = (this.#tokens[to] ?? 0) + count
    }
    return Object.keys(this.#tokens).length === 0 && this.#costUsd === null
      ? []
      : [{ move: 'usage', ...this.usage }]
  }
}

const tokenNames = [
  ['inputTokens', 'input'],
  ['input_tokens', 'input'],
  ['outputTokens', 'output'],
  ['output_tokens', 'output'],
  ['cachedReadTokens', 'cacheRead'],
  ['cachedWriteTokens', 'cacheWrite'],
] as const

function statusOf(status: string, { isDenied }: OpenCall): ToolStatus {
  if (isDenied) return 'denied'
  return status === 'failed' ? 'error' : 'ok'
}

function phaseStatus(status: unknown): PlanPhase['status'] {
  if (status === 'completed') return 'complete'
  return status === 'in_progress' ? 'active' : 'pending'
}

function partOf(part: unknown): string {
  const { type, content, path } = recordOf(part) ?? {}
  if (type === 'diff') return `changed ${String(path)}`
  return textIn(content)
}

function textIn(content: unknown): string {
  const { text } = recordOf(content) ?? {}
  return typeof text === 'string' ? text : ''
}
