/**
 * Takes queued runs out of the store as room for their kind appears. The table of runs is the queue:
 * nothing is queued here, a commit is only the hint to look again.
 *
 * Owns: which kinds are being looked at, the timer of the next try after a look that failed, and the one that looks anyway.
 * Invariants: one look a kind at a time; a hint that arrives during a look makes it look once more; a
 * look that failed is repeated, so that no hint is lost with it.
 */
import { MillraceError, messageTypes, parkingTypes, permissionTypes, type RunKind } from '@millrace/protocol'
import type { Logger } from 'pino'
import type { Claim, Commit, CommitFeed, RunRecord, RunStore } from '#store/store'

export interface DispatcherParts {
  store: Pick<RunStore, 'claim'> & CommitFeed
  /** Kinds this node runs, with how many of each at once. */
  kinds: readonly { kind: RunKind; concurrency: number }[]
  node: string
  launch: (run: RunRecord) => void
  /** Of a store that nodes share: the projects whose runs this node takes, and how many runs all may have. */
  share?: Pick<Claim, 'projects'> & {
    limitOfAll: (kind: RunKind) => number | undefined
    /** Whether this node can run the kind now: what it cannot, another may. */
    takes: (kind: RunKind) => boolean
  }
  log: Logger
  /** The wait before a look that failed is repeated. */
  retryMs?: number
  /** Where other nodes share the store, a hint may be lost: look this often anyway. */
  lookMs?: number | undefined
}

/** Of a node among several that share the store. */
export interface Placed {
  /** False: this node takes no runs. */
  works: boolean
  share: NonNullable<DispatcherParts['share']>
  /** Fails with `no_worker` when no node can work on the run. */
  require(need: { kind: RunKind; project: string | null; spec: Record<string, unknown> }): Promise<void>
}

interface Look {
  again: boolean
  over: Promise<void>
}

export class Dispatcher {
  readonly #parts: DispatcherParts
  readonly #looking = new Map<RunKind, Look>()
  #stopListening: (() => void) | null = null
  #retry: NodeJS.Timeout | null = null
  #net: NodeJS.Timeout | null = null
  #stopped = false

  constructor(parts: DispatcherParts) {
    this.#parts = parts
  }

  /** Begins to claim, now and after every commit that may have made room or brought work. */
  start(): void {
    if (this.#stopped || this.#stopListening !== null) return
    this.#stopListening = this.#parts.store.onCommit((commit) => {
      if (commit.change === 'created' || commit.change === 'finished' || mayMatter(commit)) this.#lookAll()
    })
    if (this.#parts.lookMs !== undefined) {
      this.#net = setInterval(() => this.#lookAll(), this.#parts.lookMs)
      this.#net.unref()
    }
    this.#lookAll()
  }

  /**
   * A run of this kind is on its way to the disk: a claim that follows it there shares its commit, and a
   * run that need not wait starts one commit earlier.
   */
  expect(kind: RunKind): void {
    if (this.#stopListening === null) return
    const found = this.#parts.kinds.find((candidate) => candidate.kind === kind)
    if (found !== undefined) this.#look(kind, found.concurrency)
  }

  /** No claim is begun after this; resolves when none is under way. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#stopListening?.()
    if (this.#retry !== null) clearTimeout(this.#retry)
    if (this.#net !== null) clearInterval(this.#net)
    await Promise.all([...this.#looking.values()].map((look) => look.over))
  }

  #lookAll(): void {
    for (const { kind, concurrency } of this.#parts.kinds) this.#look(kind, concurrency)
  }

  #look(kind: RunKind, limit: number): void {
    if (this.#stopped) return
    const busy = this.#looking.get(kind)
    if (busy !== undefined) {
      busy.again = true
      return
    }
    const look: Look = { again: true, over: Promise.resolve() }
    this.#looking.set(kind, look)
    look.over = this.#claimWhileHinted(kind, limit, look)
  }

  async #claimWhileHinted(kind: RunKind, limit: number, look: Look): Promise<void> {
    try {
      while (look.again && !this.#stopped) {
        look.again = false
        await this.#claimAll(kind, limit)
      }
    } catch (error) {
      if (this.#stopped) return
      this.#parts.log.error({ kind, err: error }, 'no run could be claimed')
      // A store that failed stays so.
      if (!(error instanceof MillraceError && error.code === 'storage_failed')) this.#lookLater()
    } finally {
      this.#looking.delete(kind)
    }
  }

  async #claimAll(kind: RunKind, limit: number): Promise<void> {
    while (!this.#stopped) {
      const { node, share } = this.#parts
      if (share?.takes(kind) === false) return
      const limitOfAll = share?.limitOfAll(kind)
      const run = await this.#parts.store.claim({
        kind,
        limit,
        node,
        ...(share?.projects && { projects: share.projects }),
        ...(limitOfAll !== undefined && { limitOfAll }),
      })
      if (run === null) return
      // Launched even if stop() was called meanwhile: it is ours now, and the shutdown ends it.
      this.#parts.launch(run)
    }
  }

  #lookLater(): void {
    this.#retry ??= setTimeout(() => {
      this.#retry = null
      this.#lookAll()
    }, this.#parts.retryMs ?? 1000)
  }
}

/** Events that make a parked run ready, or that leave a place to another run. */
const hints: ReadonlySet<string> = new Set([
  permissionTypes.resolved,
  messageTypes.queued,
  parkingTypes.parked,
])

function mayMatter({ events }: Commit): boolean {
  return events.some(({ type }) => hints.has(type))
}
