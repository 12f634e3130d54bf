/**
 * From the messages of the Claude Agent SDK to the moves of an execution. Pure: what it returns follows from the
 * messages alone, and any beginning of a sequence is as good as the whole. What it does not know it ignores.
 *
 * Owns: what is needed to say each thing once: the block that is streamed, the phases by name, the calls that are open.
 */
import type { AgentMove } from '#agents/moves'
import { Answer, textMoves } from './answer.ts'
import { amountOf, blocksOf, type Fields, fieldsOf, textOf } from './fields.ts'
import { PlanReader } from './plan.ts'
import { outcomesIn } from './results.ts'
import { type Usage, UsageMeter } from './usage.ts'

/** The SDK itself: it puts errors and the answers to its commands into the model's mouth. */
const synthetic = '<synthetic>'

export class Translator {
  readonly #planTool: string
  readonly #costUsd: () => number | null
  readonly #answer = new Answer()
  readonly #plan = new PlanReader()
  readonly #usage = new UsageMeter()
  readonly #plans = new Set<string>()
  readonly #denied = new Set<string>()
  readonly #patches = new Map<string, unknown>()
  #cwd: string | null = null
  #step = ''
  #stopReason: string | null = null
  #reported = ''

  /** `planTool`: the tool whose calls are plans. `costUsd`: what another has counted; null: the SDK counts. */
  constructor(planTool: string, costUsd: () => number | null = () => null) {
    this.#planTool = planTool
    this.#costUsd = costUsd
  }

  get usage(): Usage {
    const { tokens, costUsd } = this.#usage.totals
    return { tokens, costUsd: this.#costUsd() ?? costUsd }
  }

  /** Why the model stopped last, in the words of its API. */
  get stopReason(): string | null {
    return this.#stopReason
  }

  /** The gate denied a call; its result is to come. */
  denied(toolCallId: string): void {
    this.#denied.add(toolCallId)
  }

  /** The structured result of a subagent's call; the result itself is to come. */
  patched(toolCallId: string, result: unknown): void {
    this.#patches.set(toolCallId, result)
  }

  /** `message` is untrusted. */
  take(message: unknown): AgentMove[] {
    const fields = fieldsOf(message)
    switch (fields.type) {
      case 'stream_event':
        // The SDK streams no subagents.
        return textOf(fields.parent_tool_use_id) === null ? this.#streamed(fieldsOf(fields.event)) : []
      case 'assistant':
        return this.#said(fields)
      case 'user':
        return this.#done(fields)
      case 'system':
        this.#cwd = fields.subtype === 'init' ? textOf(fields.cwd) : this.#cwd
        return notesIn(fields)
      case 'result':
        this.#usage.settle(fields)
        return this.#totals()
      default:
        return []
    }
  }

  #streamed(event: Fields): AgentMove[] {
    const texts = this.#answer.stream(event)
    if (event.type === 'message_start') {
      const { id, usage } = fieldsOf(event.message)
      this.#usage.take(textOf(id) ?? '', usage)
      return this.#begin(this.#answer.message)
    }
    if (event.type !== 'message_delta') return texts
    this.#stopReason = textOf(fieldsOf(event.delta).stop_reason)
    this.#usage.take(this.#answer.message, event.usage)
    return this.#totals()
  }

  /** A step is one answer of the model. */
  #begin(message: string): AgentMove[] {
    if (message === this.#step) return []
    this.#step = message
    return [{ move: 'step' }]
  }

  #said(fields: Fields): AgentMove[] {
    const { id, model, usage } = fieldsOf(fields.message)
    if (model === synthetic) return []
    const parent = textOf(fields.parent_tool_use_id) ?? undefined
    this.#usage.take(textOf(id) ?? '', usage)
    const step = parent === undefined ? this.#begin(textOf(id) ?? '') : []
    const uuid = textOf(fields.uuid) ?? ''
    const moves = blocksOf(fields.message).flatMap((block, index) => {
      const own = `${uuid}.${index}`
      return this.#block(block, { message: id, own, parent })
    })
    return [...step, ...moves]
  }

  #block(block: Fields, { message, own, parent }: Placed): AgentMove[] {
    const place = parent === undefined ? {} : { parentToolCallId: parent }
    switch (block.type) {
      case 'text': {
        const text = textOf(block.text) ?? ''
        return parent === undefined ? this.#answer.whole(message, text, own) : textMoves(own, text, parent)
      }
      case 'thinking': {
        const thought = textOf(block.thinking) ?? ''
        return thought === '' ? [] : [{ move: 'thought', thought, ...place }]
      }
      case 'tool_use': {
        const [toolCallId, toolName] = [textOf(block.id), textOf(block.name)]
        if (toolCallId === null || toolName === null) return []
        if (toolName === this.#planTool) return this.#planned(toolCallId, block.input, parent)
        return [{ move: 'tool-start', toolCallId, toolName, params: block.input, ...place }]
      }
      default:
        return []
    }
  }

  /** The call is the plan, whatever its result: what the model does next belongs to it already. */
  #planned(toolCallId: string, input: unknown, parent: string | undefined): AgentMove[] {
    this.#plans.add(toolCallId)
    const plan = parent === undefined ? this.#plan.read(input) : null
    return plan === null ? [] : [{ move: 'plan', ...plan }]
  }

  #done(fields: Fields): AgentMove[] {
    const known = { denied: this.#denied, patches: this.#patches, cwd: this.#cwd }
    return outcomesIn(fields, known).flatMap((outcome): AgentMove[] => {
      this.#denied.delete(outcome.toolCallId)
      this.#patches.delete(outcome.toolCallId)
      return this.#plans.delete(outcome.toolCallId) ? [] : [{ move: 'tool-complete', ...outcome }]
    })
  }

  #totals(): AgentMove[] {
    const { tokens, costUsd } = this.usage
    const text = JSON.stringify([tokens, costUsd])
    if (text === this.#reported) return []
    this.#reported = text
    return [{ move: 'usage', tokens, costUsd }]
  }
}

interface Placed {
  /** Id of the answer that the block is part of. */
  message: unknown
  /** An id of its own. */
  own: string
  parent: string | undefined
}

function notesIn(fields: Fields): AgentMove[] {
  switch (fields.subtype) {
    case 'compact_boundary': {
      const { trigger, pre_tokens: before, post_tokens: after } = fieldsOf(fields.compact_metadata)
      const data = { trigger: textOf(trigger), tokensBefore: amountOf(before), tokensAfter: amountOf(after) }
      return [{ move: 'note', type: 'context:compacted', data }]
    }
    case 'api_retry': {
      const {
        attempt,
        max_retries: attemptsMax,
        retry_delay_ms: delayMs,
        error_status: status,
        error,
      } = fields
      const data = {
        attempt: amountOf(attempt),
        attemptsMax: amountOf(attemptsMax),
        delayMs: amountOf(delayMs),
        status: typeof status === 'number' ? status : null,
        error: textOf(error),
      }
      return [{ move: 'note', type: 'model:retry', data }]
    }
    default:
      return []
  }
}
