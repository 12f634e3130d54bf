/**
 * What a store offers that several nodes share.
 *
 * Each node holds a lease by the clock of the store. A node whose lease ended is dead: it can write nothing, and the others
 * take over its runs.
 */
import type { EndCause } from '@millrace/protocol'
import type { RunProcess, RunRecord } from './records.ts'

/** What a node says to the others: soon, in order, at most once. */
export interface Letter {
  /** The node that wrote it. */
  from: string
  text: string
}

/** A node that is alive. */
export interface NodeRecord {
  id: string
  /** What it says of itself (`announce`); null: nothing yet. */
  announced: string | null
}

export interface SharedStore {
  /** Names this node among those that share the store. */
  readonly node: string
  /** Milliseconds since the epoch, by the clock that all nodes share. */
  now(): number
  /** Tells the others, and those that come later, what this node is for. */
  announce(text: string): Promise<void>
  /** Those that are alive, this one included, by a fresh read. */
  nodes(): Promise<NodeRecord[]>
  /** Sends a letter to one node, or, without a name, to all others. Resolves when it is on its way, or lost. */
  post(to: string | null, text: string): Promise<void>
  /** Calls the listener with letters to this node. Returns a function that ends the listening. */
  onLetter(listener: (letter: Letter) => void): () => void
  /**
   * Counts an event under a name, over all nodes: how often it happened in the current window, this time included, and
   * how long the window lasts. A window begins with the first event in it.
   */
  count(name: string, windowMs: number): Promise<{ count: number; leftMs: number }>
  /**
   * Takes over what no living node works on: runs of dead nodes, each with its next attempt, so that the earlier one can
   * write nothing, and with the cause `crash` unless there is one, or it is `woken` and can be parked again. Also returns
   * queued and parked runs whose end was requested. Oldest first. The process of a run is named only if it was started on this machine.
   */
  adopt(): Promise<RunRecord[]>
  /** Runs that earlier nodes on this data directory worked on and others took over: their processes may still be here. */
  leftovers(): Promise<{ id: string; process: RunProcess | null }[]>
  /** Which active runs of this node are to end, wherever that was requested. */
  endsRequested(): Promise<{ id: string; cause: EndCause }[]>
  /** How far logs have got, by one fresh read. A run that is missing is unknown. */
  heads(ids: readonly string[]): Promise<{ id: string; head: number; closed: boolean }[]>
  /** Hints of plain appends to a run are wanted here from now on, or no longer. A store may send those of all runs anyway. */
  follow(runId: string): void
  unfollow(runId: string): void
  /** Announces that commits of other nodes may have been missed. Returns a function that ends the listening. */
  onGap(listener: () => void): () => void
  /**
   * Announces, once, that the lease of this node could not be renewed and is about to end: whatever it works on has to be
   * stopped at once, since another node will take it over.
   */
  onLeaseEnding(listener: (reason: string) => void): () => void
  /**
   * Announces, once, that the store has another history than this node knows, and is about to fail. What the listeners still
   * do is waited for, a second at most. Returns a function that ends the listening.
   */
  onHistoryChanged(listener: () => Promise<void>): () => void
}
