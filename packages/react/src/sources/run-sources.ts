/**
 * The runs that a client follows for a page: one source per run, shared by all that show the run.
 *
 * Owns the sources and who reads them. Invariants: a run has a source exactly while somebody is subscribed to it, and
 * until the end of the microtask in which the last one left (React's StrictMode leaves and comes back at once); reading
 * a snapshot opens nothing, so a render that is thrown away leaves nothing behind.
 */
import type { Client } from '@millrace/client'
import type { RunKind } from '@millrace/protocol'
import {
  connectingSnapshot,
  idleSnapshot,
  type RunSnapshot,
  RunSource,
  type SourceSettings,
} from './run-source.ts'
import { nextFrame } from './schedule.ts'

export interface Interest {
  kind?: RunKind | undefined
  /** Is the run's record wanted, besides its events? */
  record?: boolean
}

interface Shared {
  source: RunSource
  /** By identity: the same function may be subscribed twice. */
  subscriptions: Set<{ notify: () => void }>
}

export class RunSources {
  readonly client: Client
  readonly #settings: SourceSettings
  readonly #shared = new Map<string, Shared>()

  constructor(client: Client, settings: Partial<SourceSettings> = {}) {
    this.client = client
    this.#settings = { schedule: nextFrame, bounds: {}, follow: {}, ...settings }
  }

  /** How many runs are followed now. */
  get size(): number {
    return this.#shared.size
  }

  /** Follows the run, if nobody does so yet. Returns what ends the subscription. */
  subscribe(runId: string, notify: () => void, { kind, record = false }: Interest = {}): () => void {
    const shared = this.#shared.get(runId) ?? this.#open(runId, kind)
    const subscription = { notify }
    shared.subscriptions.add(subscription)
    if (record) shared.source.wantRecord()
    return () => {
      if (!shared.subscriptions.delete(subscription) || shared.subscriptions.size > 0) return
      queueMicrotask(() => {
        if (shared.subscriptions.size > 0 || this.#shared.get(runId) !== shared) return
        this.#shared.delete(runId)
        shared.source.close()
      })
    }
  }

  /** What is known of a run now; the same object until the next flush. */
  snapshot(runId: string | null): RunSnapshot {
    if (runId === null) return idleSnapshot
    return this.#shared.get(runId)?.source.snapshot ?? connectingSnapshot
  }

  retry(runId: string): void {
    this.#shared.get(runId)?.source.retry()
  }

  #open(runId: string, kind: RunKind | undefined): Shared {
    const subscriptions: Shared['subscriptions'] = new Set()
    const publish = () => {
      for (const { notify } of [...subscriptions]) notify()
    }
    const source = new RunSource(this.client, runId, kind, this.#settings, publish)
    const shared = { source, subscriptions }
    this.#shared.set(runId, shared)
    return shared
  }
}

const known = new WeakMap<Client, RunSources>()

/** The sources of a client: the same for every caller. The settings of the first one count. */
export function sourcesOf(client: Client, settings?: Partial<SourceSettings>): RunSources {
  let sources = known.get(client)
  if (sources === undefined) {
    sources = new RunSources(client, settings)
    known.set(client, sources)
  }
  return sources
}
