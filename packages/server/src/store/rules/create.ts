/** Whether a run is created, and its row as it begins. */
import { type Refusal, refusal } from './refusal.ts'
import { overQuota } from './room.ts'
import type { NewRunRow, RunRow } from './rows.ts'

/** What a backend must look up first. Only what the run asks for is needed; the rest may be left as is. */
export interface CreateFacts {
  /** The run that its owner created with the same idempotency key. */
  sameKey: { id: string; fingerprint: string | null } | undefined
  /** With `resumes` or `fork`: an entry of that run's transcript is kept. */
  transcriptKept: boolean
  /** With `place`: an open run has it. */
  placeTaken: boolean
  /** With `ownerBytesMax`: what the runs of its owner take. */
  ownerBytes: number
  /** A run has the same id. */
  idTaken: boolean
}

export type Creation =
  /** The request was made before, and this run is its answer. */
  | { kind: 'known'; id: string }
  /** The row, before its first events. */
  | { kind: 'created'; row: RunRow; copies: Copies | null }

/** What a new run has of an earlier one. */
export interface Copies {
  from: string
  /** How many entries of its transcript, at most. Null: all, and the messages that were not delivered there. */
  entries: number | null
}

/**
 * A repeated key is answered before anything else is judged: the project is busy with the very run that
 * the first request created.
 */
export function create(run: NewRunRow, facts: CreateFacts): Creation | Refusal {
  const { sameKey } = facts
  if (run.idempotency !== null && sameKey !== undefined) {
    return sameKey.fingerprint === run.idempotency.fingerprint
      ? { kind: 'known', id: sameKey.id }
      : refusal('idempotency_mismatch', 'The idempotency key was used for another request')
  }
  const refused = overQuota({ ...run, ownerBytes: facts.ownerBytes })
  if (refused !== null) return refused
  const copies = copiesOf(run)
  if (copies !== null && !facts.transcriptKept) {
    return refusal('not_resumable', 'Nothing is kept of the conversation')
  }
  if (run.place !== null && facts.placeTaken) {
    // The words about the project are part of the protocol: clients compare them.
    const what = run.place === run.project ? 'Project' : 'The worktree'
    return refusal('project_busy', `${what} already has an active agent session`)
  }
  if (facts.idTaken) return refusal('internal', `There is a run ${run.id} already`)
  return { kind: 'created', row: firstRow(run), copies }
}

export function copiesOf({ resumes, fork }: Pick<NewRunRow, 'resumes' | 'fork'>): Copies | null {
  if (resumes !== null) return { from: resumes, entries: null }
  return fork === undefined ? null : { from: fork.of, entries: fork.entries }
}

/** A run that nobody here works on waits for no claim. */
function firstRow(run: NewRunRow): RunRow {
  const begins = run.leaseUntil !== null
  return {
    id: run.id,
    kind: run.kind,
    project: run.project,
    owner: run.owner,
    ...(begins ? { state: 'running', attempt: 1 } : { state: 'queued', attempt: 0 }),
    outcome: null,
    closed: false,
    head: 0,
    firstSeq: 1,
    createdAt: run.createdAt,
    startedAt: begins ? run.createdAt : null,
    finishedAt: null,
    retryOf: run.retryOf,
    resumes: run.resumes,
    forkOf: run.fork?.of ?? null,
    cause: null,
    sealed: false,
    parked: null,
    node: null,
    pid: null,
    processStart: null,
    leaseUntil: run.leaseUntil,
    spec: run.spec,
    result: null,
    error: null,
    usage: null,
  }
}
