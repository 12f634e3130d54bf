/**
 * What the writer knows of the runs it writes to: what the rules ask about, and the head.
 *
 * The facts of a run outlive the transaction that read or wrote them, as SQLite's own pages do, and by the
 * same sign: they count while no other connection has committed (`PRAGMA data_version`, asked in each
 * transaction). After a failed transaction none of them counts.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { EndCause, RunKind, RunState } from '@millrace/protocol'
import type { RunFacts, RunRow } from '#store/rules/rows'
import type { ParkedState } from '#store/store'

export interface OpenRun extends RunFacts, Pick<RunRow, 'kind' | 'owner' | 'startedAt' | 'leaseUntil'> {
  readonly n: number
  /** By how many bytes the run takes more than its row says. */
  grown: number
  /** The head that its row has. */
  storedHead: number
  /** Events that have numbers and no row yet. */
  pending: { firstSeq: number; jsonBytes: number; text: string } | null
}

type FactsRow = [
  n: number,
  owner: string,
  kind: RunKind,
  state: RunState,
  closed: number,
  attempt: number,
  head: number,
  firstSeq: number,
  cause: EndCause | null,
  sealed: number,
  parked: ParkedState | null,
  startedAt: number | null,
  leaseUntil: number | null,
]

export interface KnownRuns {
  open(id: string): OpenRun | undefined
  /** Takes in a run whose row was just inserted. */
  opened(row: RunRow, n: number): OpenRun
  /** Called first in a transaction: forgets what another connection may have changed since the last one. */
  begin(): void
  forget(id: string): void
  clear(): void
}

/** Beyond this many runs, all are forgotten. */
const knownRunsMax = 10_000

export function createKnownRuns(db: DatabaseSync): KnownRuns {
  // An array a row, not an object: this is read for every run that is not known.
  const selectRun =
    db.prepare(`SELECT n, owner, kind, state, closed, attempt, head, first_seq, cause, sealed, parked,
    started_at, lease_until FROM runs WHERE id = ?`)
  selectRun.setReturnArrays(true)
  const selectVersion = db.prepare('PRAGMA data_version')
  selectVersion.setReturnArrays(true)
  const runs = new Map<string, OpenRun>()
  let version: unknown

  function begin(): void {
    const [now] = selectVersion.get() as unknown as [unknown]
    if (now !== version || runs.size > knownRunsMax) runs.clear()
    version = now
  }

  function open(id: string): OpenRun | undefined {
    const known = runs.get(id)
    if (known !== undefined) return known
    const row = selectRun.get(id) as FactsRow | undefined
    if (row === undefined) return undefined
    const [n, owner, kind, state, closed, attempt, head, firstSeq, cause, sealed, ...more] = row
    const [parked, startedAt, leaseUntil] = more
    const own = { owner, kind, state, attempt, head, firstSeq, cause, parked, startedAt, leaseUntil }
    const facts = { ...own, closed: closed === 1, sealed: sealed === 1 }
    const run: OpenRun = { n, ...facts, storedHead: head, grown: 0, pending: null }
    runs.set(id, run)
    return run
  }

  function opened(row: RunRow, n: number): OpenRun {
    const { owner, kind, state, closed, attempt, head, firstSeq, cause, sealed } = row
    const { parked, startedAt, leaseUntil } = row
    const own = { owner, kind, state, closed, attempt, head, firstSeq, cause, sealed }
    const facts = { ...own, parked, startedAt, leaseUntil }
    const run: OpenRun = { n, ...facts, storedHead: head, grown: 0, pending: null }
    runs.set(row.id, run)
    return run
  }

  return { open, opened, begin, forget: (id) => void runs.delete(id), clear: () => runs.clear() }
}
