/**
 * What a store offers that several nodes share.
 *
 * Each node holds a lease by the clock of the store. A node whose lease ended is dead: it can write nothing, and the others
 * take over its runs.
 */
import type { EndCause } from '@millrace/protocol'
import type { RunProcess, RunRecord } from './records.ts'

export interface SharedStore {
  /**
   * Takes over what no living node works on: runs of dead nodes, each with its next attempt, so that the earlier one can
   * write nothing, and with the cause `crash` unless there is one. Also returns queued runs whose end was requested. Oldest
   * first. The process of a run is named only if it was started on this machine.
   */
  adopt(): Promise<RunRecord[]>
  /** Runs that earlier nodes on this data directory worked on and others took over: their processes may still be here. */
  leftovers(): Promise<{ id: string; process: RunProcess | null }[]>
  /** Which active runs of this node are to end, wherever that was requested. */
  endsRequested(): Promise<{ id: string; cause: EndCause }[]>
  /** How far logs have got, by one fresh read. A run that is missing is unknown. */
  heads(ids: readonly string[]): Promise<{ id: string; head: number; closed: boolean }[]>
  /** Announces that commits of other nodes may have been missed. Returns a function that ends the listening. */
  onGap(listener: () => void): () => void
  /**
   * Announces, once, that the lease of this node could not be renewed and is about to end: whatever it works on has to be
   * stopped at once, since another node will take it over.
   */
  onLeaseEnding(listener: (reason: string) => void): () => void
}
