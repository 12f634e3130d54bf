/**
 * Takes queued runs out of the store as room for their kind appears. The table of runs is the queue:
 * nothing is queued here, a commit is only the hint to look again.
 */
import type { RunKind } from '@millrace/protocol'
import type { Logger } from 'pino'
import type { RunRecord, Store } from '../store/store.ts'

export interface DispatcherParts {
  store: Pick<Store, 'claim' | 'onCommit'>
  /** Kinds this node runs, with how many of each at once. */
  kinds: readonly { kind: RunKind; concurrency: number }[]
  node: string
  launch: (run: RunRecord) => void
  log: Logger
}

export class Dispatcher {
  private readonly parts: DispatcherParts
  private readonly looking = new Map<RunKind, { again: boolean }>()
  private readonly stopListening: () => void
  private stopped = false

  constructor(parts: DispatcherParts) {
    this.parts = parts
    this.stopListening = parts.store.onCommit((commit) => {
      if (commit.change === 'created' || commit.change === 'finished') this.lookAll()
    })
  }

  /** Looks once for work of every kind. */
  lookAll(): void {
    for (const { kind, concurrency } of this.parts.kinds) void this.look(kind, concurrency)
  }

  /** No claim is begun after this; resolves when none is under way. */
  async stop(): Promise<void> {
    this.stopped = true
    this.stopListening()
    while (this.looking.size > 0) await new Promise((resolve) => setImmediate(resolve))
  }

  private async look(kind: RunKind, limit: number): Promise<void> {
    if (this.stopped) return
    const busy = this.looking.get(kind)
    if (busy !== undefined) {
      busy.again = true
      return
    }
    const look = { again: true }
    this.looking.set(kind, look)
    try {
      while (look.again && !this.stopped) {
        look.again = false
        await this.claimAll(kind, limit)
      }
    } catch (error) {
      this.parts.log.error({ kind, err: error }, 'no run could be claimed')
    } finally {
      this.looking.delete(kind)
    }
  }

  private async claimAll(kind: RunKind, limit: number): Promise<void> {
    while (!this.stopped) {
      const run = await this.parts.store.claim({ kind, limit, node: this.parts.node })
      if (run === null) return
      // Launched also when stop() was called meanwhile: it is ours now, and shutdown ends it.
      this.parts.launch(run)
    }
  }
}
