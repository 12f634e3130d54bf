/**
 * What the runs of each owner take, written once a transaction: of many appends of an owner, one statement.
 *
 * Invariant: once the transaction commits, the sum of an owner is that of the `bytes` of its runs' rows.
 */
import type { DatabaseSync } from 'node:sqlite'

export interface OwnerBytes {
  /** Negative: they take less. */
  add(owner: string, bytes: number): void
  /** With what was added and not written. */
  of(owner: string): number
  write(): void
  /** Forgets what was not written: the transaction is over. */
  clear(): void
}

export function createOwnerBytes(db: DatabaseSync): OwnerBytes {
  const put = db.prepare(`INSERT INTO owner_bytes VALUES (?, ?)
    ON CONFLICT (owner) DO UPDATE SET bytes = bytes + excluded.bytes`)
  const select = db.prepare('SELECT bytes FROM owner_bytes WHERE owner = ?')
  const added = new Map<string, number>()

  return {
    add(owner, bytes) {
      if (bytes !== 0) added.set(owner, (added.get(owner) ?? 0) + bytes)
    },
    of: (owner) => Number(select.get(owner)?.bytes ?? 0) + (added.get(owner) ?? 0),
    write() {
      for (const [owner, bytes] of added) put.run(owner, bytes)
      added.clear()
    },
    clear: () => added.clear(),
  }
}
