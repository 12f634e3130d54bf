/** What delivery needs of the store, and no more. */
import type { LogBounds } from '@millrace/protocol'
import type { Store, StoredEvent } from '#store/store'

/** `state` is left out: delivery knows open and closed logs, not kinds of runs. */
export interface CommitHint {
  runId: string
  change: 'created' | 'updated' | 'finished' | 'deleted'
  head: number
  closed: boolean
  events: StoredEvent[]
}

export interface DeliverySource extends Pick<Store, 'bounds' | 'readAfter' | 'epoch'> {
  /** Hints: one may be lost, repeated or late, and no follower misses an event for it. */
  onCommit(listener: (commit: CommitHint) => void): () => void
}

export type { LogBounds, StoredEvent }
