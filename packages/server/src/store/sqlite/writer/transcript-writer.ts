/** The rows of what is kept of agents' conversations. */
import type { DatabaseSync } from 'node:sqlite'
import type { OperationResult, RunOperation } from '#store/batched/operations'
import { fence } from '#store/rules/fence'
import { isRefusal } from '#store/rules/refusal'
import { bytesOfEntries } from '#store/rules/room'
import type { OpenRun, PendingLog } from './pending-log.ts'

export interface TranscriptWriter {
  append(operation: Extract<RunOperation, { op: 'transcript' }>): OperationResult
  /** Is anything kept of the run with this id? */
  isKept(id: string): boolean
  /** Copies what is kept of one run to another: the first entries, or all. */
  copy(fromId: string, to: OpenRun, entries: number | null): void
}

export function createTranscriptWriter(db: DatabaseSync, log: PendingLog): TranscriptWriter {
  const insert = db.prepare('INSERT INTO transcripts (run, conversation, subpath, json) VALUES (?, ?, ?, ?)')
  const selectAny = db.prepare(
    'SELECT 1 FROM transcripts WHERE run = (SELECT n FROM runs WHERE id = ?) LIMIT 1',
  )
  const copyFirst = db.prepare(`INSERT INTO transcripts (run, conversation, subpath, json)
    SELECT ?, conversation, subpath, json FROM transcripts
    WHERE run = (SELECT n FROM runs WHERE id = ?) ORDER BY n LIMIT ?`)
  const selectBytes = db.prepare(
    'SELECT coalesce(sum(octet_length(json)), 0) AS bytes FROM transcripts WHERE run = ?',
  )

  return {
    append({ run: id, attempt, entries }) {
      const run = fence(log.open(id), attempt)
      if (isRefusal(run)) return run
      for (const { conversation, subpath, json } of entries) insert.run(run.n, conversation, subpath, json)
      log.grow(run, bytesOfEntries(entries))
      return { kind: 'done' }
    },
    isKept: (id) => selectAny.get(id) !== undefined,
    copy(fromId, to, entries) {
      // A negative limit is none.
      copyFirst.run(to.n, fromId, entries ?? -1)
      log.grow(to, Number(selectBytes.get(to.n)?.bytes))
    },
  }
}
