/**
 * A log in memory that is honest about what matters to delivery: a read shows the log as of some
 * moment between its call and its answer, hints follow commits, and both may be slow. Faults of hints
 * (lost, repeated, late) and of reads are turned on by the test.
 */
import type { LogBounds } from '@millrace/protocol'
import type { LogSource } from '#delivery/source'
import type { Commit, LogPage, PageRequest, StoredEvent } from '#store/store'
import type { Commits } from '#wakeups/local'

type CommitHint = Pick<Commit, 'runId' | 'change' | 'head' | 'closed' | 'events'>

interface Log {
  events: StoredEvent[]
  head: number
  closed: boolean
}

export type HintFault = (hint: CommitHint, tell: (hint: CommitHint) => void) => void

export class MemoryLog implements LogSource, Commits {
  epoch = 'epoch-1'
  /** How long each read takes before it looks, and before it answers. */
  delay: () => Promise<void> = () => Promise.resolve()
  /** Announces a commit to the listeners: at once, late, twice or never. */
  hints: HintFault = (hint, tell) => tell(hint)
  failReads: Error | null = null
  pagesRead = 0
  boundsRead = 0
  readonly listeners = new Set<(hint: CommitHint) => void>()
  readonly #logs = new Map<string, Log>()

  create(runId: string): void {
    this.#logs.set(runId, { events: [], head: 0, closed: false })
  }

  /** One commit. `closed`: its last event is the terminal one. */
  append(runId: string, events: { type: string; data: unknown }[], closed = false): void {
    const log = this.#log(runId)
    if (log.closed) throw new Error('the log is closed')
    const stored = events.map(({ type, data }, index) => ({
      seq: log.head + 1 + index,
      at: 1_700_000_000_000 + log.head + index,
      type,
      json: JSON.stringify(data),
    }))
    log.events.push(...stored)
    log.head += stored.length
    log.closed = closed
    this.#tell({ runId, change: closed ? 'finished' : 'updated', head: log.head, closed, events: stored })
  }

  /** `count` events of about `bytes` bytes each, in one commit. */
  appendMany(runId: string, count: number, bytes: number): void {
    const pad = 'x'.repeat(bytes)
    const first = this.#log(runId).head
    this.append(
      runId,
      Array.from({ length: count }, (_, index) => ({ type: 'output', data: { n: first + index + 1, pad } })),
    )
  }

  prune(runId: string, throughSeq: number): void {
    const log = this.#log(runId)
    log.events = log.events.filter((event) => event.seq > throughSeq)
  }

  delete(runId: string): void {
    const { head, closed } = this.#log(runId)
    this.#logs.delete(runId)
    this.#tell({ runId, change: 'deleted', head, closed, events: [] })
  }

  events(runId: string): readonly StoredEvent[] {
    return this.#log(runId).events
  }

  async bounds(runId: string): Promise<LogBounds | null> {
    this.boundsRead += 1
    await this.delay()
    if (this.failReads !== null) throw this.failReads
    const bounds = this.#bounds(runId)
    await this.delay()
    return bounds
  }

  async readAfter(runId: string, page: PageRequest): Promise<LogPage | null> {
    this.pagesRead += 1
    await this.delay()
    if (this.failReads !== null) throw this.failReads
    const bounds = this.#bounds(runId)
    if (bounds === null) return null
    const events: StoredEvent[] = []
    let bytes = 0
    const all = this.#log(runId).events
    for (let at = Math.max(0, page.after + 1 - bounds.firstSeq); at < all.length; at++) {
      const event = all[at]
      if (event === undefined || bytes >= page.maxBytes || events.length === page.maxEvents) break
      events.push(event)
      bytes += event.json.length
    }
    await this.delay()
    return { events, bounds }
  }

  onCommit(listener: (hint: CommitHint) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  #tell(hint: CommitHint): void {
    this.hints(hint, (passed) => {
      for (const listener of this.listeners) listener(passed)
    })
  }

  #bounds(runId: string): LogBounds | null {
    const log = this.#logs.get(runId)
    if (log === undefined) return null
    const firstSeq = log.head - log.events.length + 1
    return { firstSeq, head: log.head, closed: log.closed, epoch: this.epoch }
  }

  #log(runId: string): Log {
    const log = this.#logs.get(runId)
    if (log === undefined) throw new Error(`no log ${runId}`)
    return log
  }
}
