/**
 * Writes batches: one batch is one transaction, and its reply follows the commit.
 *
 * Invariants: what a reply acknowledges is on disk; operations take effect in their order; one that is
 * refused changes nothing and hinders no other.
 */
import type { DatabaseSync } from 'node:sqlite'
import type {
  BatchReply,
  CredentialOperation,
  Operation,
  OperationResult,
  Stop,
} from '#store/batched/operations'
import { failureKind, messageOf } from '#store/sqlite/database'
import { FilesLost } from '#store/sqlite/upkeep/presence'
import { createCredentialWriter } from './credential-writer.ts'
import { createPendingLog } from './pending-log.ts'
import { createRunWriter } from './run-writer.ts'

export interface BatchWriter {
  write(operations: readonly Operation[]): BatchReply
}

/** `committed` is called after each commit, before its reply. */
export function createBatchWriter(
  db: DatabaseSync,
  committed: (results: readonly OperationResult[]) => void,
): BatchWriter {
  const begin = db.prepare('BEGIN IMMEDIATE')
  const commit = db.prepare('COMMIT')
  const log = createPendingLog(db)
  const applyToRun = createRunWriter(db, log)
  const applyToCredential = createCredentialWriter(db)
  const apply = (operation: Operation) =>
    isOfCredential(operation) ? applyToCredential(operation) : applyToRun(operation)

  function transaction(operations: readonly Operation[]): OperationResult[] {
    try {
      begin.run()
      log.begin()
      const results = operations.map(apply)
      log.flushAll()
      commit.run()
      committed(results)
      return results
    } catch (error) {
      // After some errors SQLite has rolled back already.
      if (db.isTransaction) db.exec('ROLLBACK')
      log.clear()
      throw error
    }
  }

  function write(operations: readonly Operation[]): BatchReply {
    try {
      return { results: transaction(operations), stopped: null }
    } catch (error) {
      const stopped = stopOf(error)
      if (stopped !== null) return { results: [], stopped }
      // One of them is bad in a way that no rule foresees. Alone, each stands or falls by itself.
      return operations.length === 1
        ? { results: [{ kind: 'refused', code: 'internal', message: messageOf(error) }], stopped: null }
        : writeSingly(operations)
    }
  }

  function writeSingly(operations: readonly Operation[]): BatchReply {
    const results: OperationResult[] = []
    for (const operation of operations) {
      const reply = write([operation])
      results.push(...reply.results)
      if (reply.stopped !== null) return { results, stopped: reply.stopped }
    }
    return { results, stopped: null }
  }

  return { write }
}

export const diskFull: Stop = { kind: 'full', message: 'the disk that holds the data directory is full' }

function isOfCredential(operation: Operation): operation is CredentialOperation {
  return operation.op.startsWith('credential-')
}

function stopOf(error: unknown): Stop | null {
  if (error instanceof FilesLost) return { kind: 'failed', message: error.message }
  switch (failureKind(error)) {
    case 'full':
      return diskFull
    case 'busy':
      return { kind: 'full', message: 'another program has locked the database' }
    case 'failed':
      return { kind: 'failed', message: `the database cannot be written: ${messageOf(error)}` }
    default:
      return null
  }
}
