/** Sums up what a transaction adds to the counts, written once at its end and in one order, so that nodes wait little. */
import type { RunKind } from '@millrace/protocol'
import type { Tally } from '#store/rules/finish'
import { addTally } from './run-statements.ts'
import type { Transaction } from './transaction.ts'

/** Nodes add to different rows of a kind, mostly. */
const parts = 16

export function partOf(node: number): number {
  return node % parts
}

export class Tallies {
  readonly #sums = new Map<RunKind, Tally>()

  add(kind: RunKind, { completed, failed, timed, durationMs }: Tally): void {
    const sum = this.#sums.get(kind) ?? { completed: 0, failed: 0, timed: 0, durationMs: 0 }
    sum.completed += completed
    sum.failed += failed
    sum.timed += timed
    sum.durationMs += durationMs
    this.#sums.set(kind, sum)
  }

  write(tx: Transaction, node: number): void {
    for (const kind of [...this.#sums.keys()].sort()) {
      const sum = this.#sums.get(kind)
      if (sum === undefined) continue
      tx.post(addTally, [kind, partOf(node), sum.completed, sum.failed, sum.timed, sum.durationMs])
    }
  }
}
