/**
 * What an agent writes down: an event for each update, and for the run's row its last words and what it used.
 *
 * Owns: the bytes on their way to the disk; the process waits while there are too many. Invariants: events stand in the log
 * in the order in which the agent reported them; after `close()` none is written.
 */
import { eventTypePattern } from '@millrace/protocol'
import type { AgentHost } from '#agents/agent'
import { emitHighWater } from '#runners/runner'
import { type JsonRecord, recordOf } from './lines.ts'

const textCharsMax = 262_144
const strayLinesMax = 20

export class Journal {
  readonly #host: Pick<AgentHost, 'emit' | 'uncommittedBytes'>
  #lastEmit: Promise<void> = Promise.resolve()
  #closed = false
  #text = ''
  #earlierText = ''
  #costUsd: number | null = null
  #tokens: Record<string, number> = {}
  #strayLines = 0

  constructor(host: Pick<AgentHost, 'emit' | 'uncommittedBytes'>) {
    this.#host = host
  }

  /** Need not be awaited: a failure also aborts the run's signal. */
  emit(type: string, data: unknown): void {
    if (this.#closed) return
    this.#lastEmit = this.#host.emit([{ type, data }]).catch(() => {})
  }

  update(update: JsonRecord): void {
    this.emit(typeOf(update.sessionUpdate), update)
    switch (update.sessionUpdate) {
      case 'agent_message_chunk': {
        const { text } = recordOf(update.content) ?? {}
        if (typeof text === 'string' && this.#text.length < textCharsMax)
          this.#text = (this.#text + text).slice(0, textCharsMax)
        return
      }
      case 'tool_call':
        // What is said after the last call is the result.
        if (this.#text !== '') this.#earlierText = this.#text
        this.#text = ''
        return
      case 'usage_update':
        this.#takeCost(recordOf(update.cost) ?? {})
    }
  }

  /** A line of its output that is no message. */
  stray(line: string): void {
    this.#strayLines += 1
    if (this.#strayLines <= strayLinesMax) this.emit('acp:stray_output', { line })
  }

  /** The answer to a prompt: agents report what a turn used in one of two places. */
  turnEnded(answer: JsonRecord): void {
    this.emit('acp:turn_end', answer)
    const counted = recordOf(answer.usage) ?? recordOf(recordOf(recordOf(answer._meta)?.quota)?.token_count)
    for (const [name, count] of Object.entries(counted ?? {}).slice(0, 20)) {
      if (typeof count === 'number' && Number.isFinite(count))
        this.#tokens[name] = (this.#tokens[name] ?? 0) + count
    }
  }

  turnBegan(): void {
    this.#text = ''
    this.#earlierText = ''
  }

  /** The agent's last words. */
  get text(): string {
    return this.#text || this.#earlierText
  }

  /** `costUsd` is null where the agent does not say what it cost. */
  usage(turns: number): Record<string, unknown> {
    return { ...this.#tokens, costUsd: this.#costUsd, turns }
  }

  /** What must settle before more of the process is read; null if there is room. */
  room(): Promise<void> | null {
    return this.#host.uncommittedBytes > emitHighWater ? this.#lastEmit : null
  }

  close(): void {
    this.#closed = true
  }

  /** Resolves once everything written is on disk, or never will be. */
  async settled(): Promise<void> {
    await this.#lastEmit
  }

  /** Cumulative, for the conversation of this process. */
  #takeCost({ amount, currency }: JsonRecord): void {
    if (typeof amount === 'number' && Number.isFinite(amount) && currency === 'USD') this.#costUsd = amount
  }
}

function typeOf(name: unknown): string {
  const type = `acp:${String(name)}`
  return typeof name === 'string' && eventTypePattern.test(type) ? type : 'acp:update'
}
