/** What is written of agents' conversations, inside the transaction of its batch. */
import type { DatabaseSync } from 'node:sqlite'
import type { OperationResult, RunOperation } from '#store/batched/operations'
import { fence } from './fence.ts'
import type { PendingLog } from './pending-log.ts'

export interface TranscriptWriter {
  append(operation: Extract<RunOperation, { op: 'transcript' }>): OperationResult
  /** Is there anything of the run that has this id? */
  isKept(id: string): boolean
  /** Copies what is kept of one run to another. */
  copy(fromId: string, to: number): void
}

export function createTranscriptWriter(db: DatabaseSync, log: PendingLog): TranscriptWriter {
  const insert = db.prepare('INSERT INTO transcripts (run, conversation, subpath, json) VALUES (?, ?, ?, ?)')
  const selectAny = db.prepare(
    'SELECT 1 FROM transcripts WHERE run = (SELECT n FROM runs WHERE id = ?) LIMIT 1',
  )
  const copyAll = db.prepare(`INSERT INTO transcripts (run, conversation, subpath, json)
    SELECT ?, conversation, subpath, json FROM transcripts
    WHERE run = (SELECT n FROM runs WHERE id = ?) ORDER BY n`)

  function append(operation: Extract<RunOperation, { op: 'transcript' }>): OperationResult {
    const run = fence(log, operation)
    if ('kind' in run) return run
    for (const { conversation, subpath, json } of operation.entries) {
      insert.run(run.n, conversation, subpath, json)
    }
    return { kind: 'done' }
  }

  return {
    append,
    isKept: (id) => selectAny.get(id) !== undefined,
    copy: (fromId, to) => void copyAll.run(to, fromId),
  }
}
