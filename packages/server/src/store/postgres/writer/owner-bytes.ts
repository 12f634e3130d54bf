/**
 * Sums up what a transaction adds to what the runs of each owner take, written once at its end and in one order, so that
 * nodes wait little.
 *
 * Invariant: once the transaction commits, the sum of an owner is that of the `bytes` of its runs' rows.
 */
import type { Statement } from '#store/postgres/connection'
import { partOf } from './tallies.ts'
import type { Transaction } from './transaction.ts'

const addBytes: Statement = {
  name: 'add owner bytes',
  text: `INSERT INTO owner_bytes (owner, part, bytes)
    SELECT x.owner, $1::int, x.bytes FROM unnest($2::text[], $3::bigint[]) AS x (owner, bytes)
    ON CONFLICT (owner, part) DO UPDATE SET bytes = owner_bytes.bytes + excluded.bytes`,
}

export class OwnerBytes {
  readonly #sums = new Map<string, number>()

  add(owner: string, bytes: number): void {
    if (bytes !== 0) this.#sums.set(owner, this.of(owner) + bytes)
  }

  /** What the transaction has added so far. */
  of(owner: string): number {
    return this.#sums.get(owner) ?? 0
  }

  write(tx: Transaction, node: number): void {
    if (this.#sums.size === 0) return
    const owners = [...this.#sums.keys()].sort()
    tx.post(addBytes, [partOf(node), owners, owners.map((owner) => this.of(owner))])
  }
}
