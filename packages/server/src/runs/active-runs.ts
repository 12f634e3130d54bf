/**
 * The runs that are active on this node: launched when they are claimed, ended on request or at a shutdown.
 *
 * Owns: their handles, and the ends requested for runs whose claim has not come back to this node yet.
 * Neither is a truth: what a run is, and whether it may end, is decided by the store.
 * Invariants: a run that is asked to end ends by the first cause recorded, unless its own end was on its
 * way to the disk already; after `shutdown()` no run of this node is active.
 */
import { isFinal, MillraceError } from '@millrace/protocol'
import type { Sandbox } from '@millrace/sandbox'
import type { EndRequest } from '#runners/runner'
import type { RunRecord, Store } from '#store/store'
import { ActiveRun, type ActiveRunParts } from './active-run.ts'
import { cancelQueued, endRequestFor, settledWithin } from './ending.ts'
import { lookMs } from './other-nodes.ts'
import { OwnerQuota, type OwnerQuotaParts } from './owner-quota.ts'
import { closeRuns, type RecoveryParts } from './recovery.ts'

export interface ActiveRunsParts extends RecoveryParts, Omit<OwnerQuotaParts, 'store' | 'log' | 'end'> {
  store: ActiveRunParts['store'] & RecoveryParts['store'] & Pick<Store, 'status' | 'onCommit' | 'ownerBytes'>
  /** Called when a run is parked. */
  parked: () => void
  projects: ReadonlyMap<string, { id: string; path: string }>
  sandbox: Sandbox
  approvals: ActiveRunParts['approvals']
  messages: ActiveRunParts['messages']
  /** Ends a run that another program works on: there is no process to wait for. */
  finishDetached(run: RunRecord, message: string): Promise<RunRecord>
  node: string
  /** How long the processes of a run have at a shutdown before its terminal event is written anyway. */
  shutdownGraceMs: number
  /** How long `end` waits for the run's end before it answers with the run as it is. */
  abortWaitMs?: number
  /** How long an approval stays open before it counts as denied. */
  approvalSeconds?: number
}

const approvalSecondsDefault = 3600
const abortWaitDefaultMs = 5000
/**
 * The cause of an end is on disk before the run learns of it. On a full disk that may take for ever, and
 * the run that filled it is the one to be ended: after this long it learns of it anyway.
 */
const recordWaitMs = 1000
/** How long a shutdown waits for a terminal event to be on disk, so that a full disk does not hold it up. */
const commitWaitMs = 2000

export class ActiveRuns {
  readonly #parts: ActiveRunsParts
  readonly #active = new Map<string, ActiveRun>()
  readonly #endAtLaunch = new Map<string, EndRequest>()
  readonly #quota: OwnerQuota
  #closing = false

  constructor(parts: ActiveRunsParts) {
    this.#parts = parts
    this.#quota = new OwnerQuota({ ...parts, end: (id, request) => this.end(id, request) })
  }

  get count(): number {
    return this.#active.size
  }

  /** Begins the work of a run that this node has claimed. */
  launch(record: RunRecord): void {
    const { kinds, projects, approvals, approvalSeconds = approvalSecondsDefault } = this.#parts
    const kind = kinds.get(record.kind)
    if (kind === undefined) throw new Error(`a run of kind ${record.kind} was claimed, which is unknown here`)
    const project = record.project === null ? null : (projects.get(record.project) ?? null)
    const run = new ActiveRun(record, {
      ...this.#parts,
      approvalSeconds,
      approvals,
      wrote: (writer) => this.wrote(writer),
      runner: kind.runner,
      project,
    })
    this.#active.set(record.id, run)
    void run.done.then(() => this.#active.delete(record.id))
    const requested = this.#endAtLaunch.get(record.id)
    this.#endAtLaunch.delete(record.id)
    if (requested !== undefined) run.end(requested)
    // A claim that came back after the shutdown had stopped waiting for it.
    else if (this.#closing) void this.#interrupt(run)
  }

  /**
   * Ends a run, active or queued, and returns it as it then is; null when there is no such run. Fails
   * with `storage_full` when the disk has no room to record it, or `storage_away` when the database cannot be
   * reached: the run is ended anyway, and its log says so later.
   */
  async end(id: string, requested: EndRequest): Promise<RunRecord | null> {
    const { store, kinds, node, finishDetached, abortWaitMs = abortWaitDefaultMs } = this.#parts
    const recorded = store.requestEnd(id, requested.endCause)
    if (!(await settledWithin(recorded, recordWaitMs))) {
      this.#active.get(id)?.end(requested)
      await this.#recordedOrFull(recorded)
    }
    const record = await recorded
    if (record === null || isFinal(record.state)) return record
    // Another cause than the one requested now, if that was first.
    const cause = record.cause ?? requested.endCause
    const request = cause === requested.endCause ? requested : endRequestFor(cause)
    if (record.state === 'queued') {
      const reason = cause === 'abort' ? undefined : request.message
      return cancelQueued(record, kinds.get(record.kind)?.runner, this.#parts, reason)
    }
    if (kinds.get(record.kind)?.detached !== undefined) return finishDetached(record, request.message)
    const active = this.#active.get(id)
    if (active !== undefined) {
      active.end(request)
      await settledWithin(active.done, abortWaitMs)
    } else if (record.node === node) this.#endAtLaunch.set(id, request)
    else if (record.node !== null) await this.#overElsewhere(id, abortWaitMs)
    const now = await store.getRun(id)
    if (now === null || isFinal(now.state) || now.parked === null || now.parked === 'woken') return now
    // It waits for people, and nobody works on it.
    await closeRuns([now], this.#parts)
    return store.getRun(id)
  }

  has(id: string): boolean {
    return this.#active.has(id)
  }

  /** Ends a run for a cause that is recorded already. Returns whether it is active here. */
  endHere(id: string, request: EndRequest): boolean {
    const run = this.#active.get(id)
    run?.end(request)
    return run !== undefined
  }

  /** Notes that a run writes, here or through a producer: the quota of its owner may end it. */
  wrote(run: { id: string; owner: string }): void {
    this.#quota.wrote(run)
  }

  /** Waits until another node has ended a run that it works on, no longer than `ms`. Looks now and then: a hint may be lost. */
  async #overElsewhere(id: string, ms: number): Promise<void> {
    const { store } = this.#parts
    const { promise, resolve } = Promise.withResolvers<void>()
    const stopListening = store.onCommit(({ runId, closed }) => {
      if (runId === id && closed) resolve()
    })
    const isOver = async () => {
      const now = await store.getRun(id).catch(() => null)
      return now !== null && isFinal(now.state)
    }
    try {
      for (let left = ms; left > 0; left -= lookMs) {
        if (await settledWithin(promise, Math.min(left, lookMs))) return
        if (await isOver()) return
      }
    } finally {
      stopListening()
    }
  }

  /** Interrupts every run, and every run that is launched from here on. `claims` settles when none is under way. */
  async shutdown(claims: Promise<void>): Promise<void> {
    this.#closing = true
    this.#quota.stop()
    await settledWithin(claims, recordWaitMs)
    await Promise.all([...this.#active.values()].map((run) => this.#interrupt(run)))
  }

  /** Ends the processes of every run at once, and waits for nothing: another node is about to take the runs over. */
  abandon(): void {
    this.#closing = true
    for (const run of this.#active.values()) run.end(endRequestFor('crash'))
  }

  async #recordedOrFull(recorded: Promise<unknown>): Promise<void> {
    const { store, abortWaitMs = abortWaitDefaultMs } = this.#parts
    while (!(await settledWithin(recorded, abortWaitMs))) {
      const status = store.status()
      if (status.kind === 'full' || status.kind === 'away') {
        throw new MillraceError(`storage_${status.kind}`, status.message)
      }
    }
  }

  async #interrupt(run: ActiveRun): Promise<void> {
    const recorded = this.#parts.store.requestEnd(run.id, 'shutdown').catch(() => null)
    const known = await settledWithin(recorded, recordWaitMs)
    run.end(endRequestFor((known ? (await recorded)?.cause : null) ?? 'shutdown'))
    if (await settledWithin(run.done, this.#parts.shutdownGraceMs)) return
    await settledWithin(run.finishNow(), commitWaitMs)
  }
}
