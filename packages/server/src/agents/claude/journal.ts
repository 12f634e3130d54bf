/**
 * What a session writes down: its events, and its conversation for a later session to go on with.
 *
 * Owns: what of both is on its way to the disk, so that the process waits while that is too much.
 * Invariant: after `close()` no event is written any more; the conversation is, until the process is gone.
 */
import { emitHighWater, type RunContext, type TranscriptEntry } from '#runners/runner'
import { charactersOf } from './transcript.ts'

export class Journal {
  private readonly context: Pick<RunContext, 'emit' | 'uncommittedBytes' | 'appendTranscript'>
  private lastEmit: Promise<void> = Promise.resolve()
  private lastKept: Promise<void> = Promise.resolve()
  private keptBytes = 0
  private closed = false

  constructor(context: Pick<RunContext, 'emit' | 'uncommittedBytes' | 'appendTranscript'>) {
    this.context = context
  }

  /** A failure also aborts the run's signal, so nobody has to look at it here. */
  emit(type: string, data: unknown): void {
    if (this.closed) return
    this.lastEmit = this.context.emit([{ type, data }]).catch(() => {})
  }

  /** As `emit`, for the conversation. */
  keep(entries: TranscriptEntry[]): void {
    const bytes = charactersOf(entries)
    this.keptBytes += bytes
    const kept = this.context.appendTranscript(entries).catch(() => {})
    this.lastKept = Promise.all([this.lastKept, kept]).then(() => {
      this.keptBytes -= bytes
    })
  }

  /** What the process has to wait for before it says more; null when there is room. */
  room(): Promise<void> | null {
    if (this.context.uncommittedBytes > emitHighWater) return this.lastEmit
    return this.keptBytes > emitHighWater ? this.lastKept : null
  }

  close(): void {
    this.closed = true
  }

  /** Everything written down is on disk, or never will be. */
  async settled(): Promise<void> {
    await this.lastKept
    await this.lastEmit
  }
}
