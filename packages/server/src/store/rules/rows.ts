/** The rows that the rules are about, as every backend keeps them. */
import type { EndCause, Message, RunKind, RunOutcome, RunState } from '@millrace/protocol'
import type { NewRun, ParkedState } from '#store/store'

/** What decides whether a run may be written to, and what follows. */
export interface RunFacts {
  state: RunState
  /** The terminal event is in the log. */
  closed: boolean
  attempt: number
  /** `seq` of the last event. */
  head: number
  /** `seq` of the first event that is kept; `head + 1` when none is. */
  firstSeq: number
  cause: EndCause | null
  /** It takes no more messages. */
  sealed: boolean
  parked: ParkedState | null
}

export interface RunRow extends RunFacts {
  id: string
  kind: RunKind
  project: string | null
  owner: string
  /** Null while it is open. */
  outcome: RunOutcome | null
  createdAt: number
  startedAt: number | null
  finishedAt: number | null
  retryOf: string | null
  resumes: string | null
  forkOf: string | null
  node: string | null
  pid: number | null
  processStart: number | null
  /** Of a run that nobody here works on: when it ends unless its producer is heard of. Milliseconds since the epoch. */
  leaseUntil: number | null
  /** JSON, all four. */
  spec: string
  result: string | null
  error: string | null
  usage: string | null
}

/** A message as it is accepted. */
export type MessageRow = Omit<Message, 'state'>

export interface NewRunRow extends Omit<NewRun, 'spec' | 'queued' | 'detached' | 'exclusive' | 'place'> {
  /** JSON. */
  spec: string
  /** What the run has to itself. Null: it is not exclusive. */
  place: string | null
  /** Set for a run that begins at once, without a claim. */
  leaseUntil: number | null
}
