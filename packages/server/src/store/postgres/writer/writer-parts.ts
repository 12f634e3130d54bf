/** What the writers of operations share within a transaction. */
import type { LoadedRuns } from './loaded-runs.ts'
import type { OwnerBytes } from './owner-bytes.ts'
import type { Tallies } from './tallies.ts'
import type { Transaction } from './transaction.ts'

export interface WriterParts {
  tx: Transaction
  runs: LoadedRuns
  tallies: Tallies
  owners: OwnerBytes
  /** Writes the events that were numbered so far. */
  flush: () => void
}
