/** The invariant of a database file, whatever was killed: it is sound, and every log in it is whole. */
import { DatabaseSync } from 'node:sqlite'
import { expect } from 'vitest'

export interface WholeLog {
  firstSeq: number
  head: number
}

/** Asserts it, and returns the bounds of each log by its run's id. */
export function expectWhole(path: string): Map<string, WholeLog> {
  const db = new DatabaseSync(path, { readOnly: true })
  try {
    expect(db.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
    const logs = new Map<string, WholeLog>()
    const batches = db.prepare(`SELECT first_seq AS first, last_seq AS last, body FROM batches
      WHERE run = ? AND last_seq >= ? ORDER BY last_seq`)
    for (const run of db.prepare('SELECT n, id, first_seq AS firstSeq, head FROM runs').all()) {
      const [firstSeq, head] = [Number(run.firstSeq), Number(run.head)]
      let next = firstSeq
      for (const { first, last, body } of batches.all(Number(run.n), firstSeq)) {
        expect(Number(first)).toBeLessThanOrEqual(next)
        expect(String(body).split('\n')).toHaveLength(Number(last) - Number(first) + 2)
        next = Number(last) + 1
      }
      expect(next).toBe(head + 1)
      logs.set(String(run.id), { firstSeq, head })
    }
    return logs
  } finally {
    db.close()
  }
}
