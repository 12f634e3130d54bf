/**
 * What an agent writes down: its events, and its conversation for a later run to resume.
 *
 * Owns: the bytes of both on their way to the disk; the process waits while there are too many.
 * Invariants: after `close()` no event is written, but the conversation still is, until the process is
 * gone; a conversation that grows beyond its bound ends the agent.
 */
import type { AgentHost } from '#agents/agent'
import { emitHighWater, type TranscriptEntry } from '#runners/runner'
import { charactersOf } from '../transcript/mirror.ts'
import type { Ending } from './ending.ts'

/** The bound of a whole conversation: a later run holds all of it in memory at once. */
const keptCharsMax = 128 * 1024 ** 2

export interface JournalParts {
  host: Pick<AgentHost, 'emit' | 'uncommittedBytes' | 'appendTranscript'>
  ending: Pick<Ending, 'fail'>
  /** Of earlier runs of the conversation. */
  keptChars: number
}

export class Journal {
  readonly #parts: JournalParts
  #lastEmit: Promise<void> = Promise.resolve()
  #lastKept: Promise<void> = Promise.resolve()
  #keptChars: number
  #pendingChars = 0
  #closed = false

  constructor(parts: JournalParts) {
    this.#parts = parts
    this.#keptChars = parts.keptChars
  }

  /** Need not be awaited: a failure also aborts the run's signal. */
  emit(type: string, data: unknown): void {
    if (this.#closed) return
    this.#lastEmit = this.#parts.host.emit([{ type, data }]).catch(() => {})
  }

  /** As `emit`, for the conversation. */
  keep(entries: TranscriptEntry[]): void {
    const chars = charactersOf(entries)
    this.#keptChars += chars
    if (this.#keptChars > keptCharsMax) {
      this.#parts.ending.fail('output', 'The conversation grew too long to store, and the session was ended')
      return
    }
    this.#pendingChars += chars
    const kept = this.#parts.host.appendTranscript(entries).catch(() => {})
    this.#lastKept = Promise.all([this.#lastKept, kept]).then(() => {
      this.#pendingChars -= chars
    })
  }

  /** What must settle before more of the process is read; null if there is room. */
  room(): Promise<void> | null {
    if (this.#parts.host.uncommittedBytes > emitHighWater) return this.#lastEmit
    return this.#pendingChars > emitHighWater ? this.#lastKept : null
  }

  close(): void {
    this.#closed = true
  }

  /** Resolves once everything written is on disk, or never will be. */
  async settled(): Promise<void> {
    await this.#lastKept
    await this.#lastEmit
  }
}
