/**
 * Keeps the write-ahead log short. SQLite's own checkpoints, every 16 MiB, fold it into the database but
 * restart it only in a moment without readers. A single reader leaves such moments; several that overlap
 * leave none, and the log would grow for as long as they do.
 *
 * So a log that keeps growing is folded while the writer waits: once all of it is in the database, new
 * readers do without the log, and the earlier ones are soon gone. A reader that stays longer (a backup)
 * is not waited for again until the log has grown by another step.
 *
 * Pages that were given back leave the file only when the log is folded, so the last of them folds it.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { OperationResult } from '#store/batched/operations'
import { walKeptBytes } from '#store/sqlite/database'

export interface Checkpoints {
  /** `logBytes`: how long the log is. */
  afterCommit(results: readonly OperationResult[], logBytes: number): void
}

const stepBytes = 16 * 1024 * 1024
const waitMs = 200

/** The log is too long from `firstBytes` on. */
export function createCheckpoints(
  db: DatabaseSync,
  { firstBytes = walKeptBytes + stepBytes, step = stepBytes } = {},
): Checkpoints {
  let tooLong = firstBytes
  let gaveBack = false
  const timeout = Number(db.prepare('PRAGMA busy_timeout').get()?.timeout ?? 0)

  function fold(): boolean {
    db.exec(`PRAGMA busy_timeout = ${waitMs}`)
    try {
      return db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.busy === 0
    } catch {
      // The commit is on disk anyway; if something is wrong with the disk, the next write meets it.
      return false
    } finally {
      db.exec(`PRAGMA busy_timeout = ${timeout}`)
    }
  }

  /** True when room was given back and for now no more will be. */
  function reclaimedAll(results: readonly OperationResult[]): boolean {
    for (const result of results) {
      if (result.kind !== 'reclaimed') continue
      gaveBack ||= result.bytes > 0
      if (result.more || !gaveBack) continue
      gaveBack = false
      return true
    }
    return false
  }

  return {
    afterCommit(results, logBytes) {
      if (reclaimedAll(results)) fold()
      else if (logBytes < firstBytes) tooLong = firstBytes
      else if (logBytes >= tooLong) tooLong = fold() ? firstBytes : logBytes + Math.max(step, logBytes / 4)
    },
  }
}
