/** Makes of a batch and its results the commits to announce: at most one for what the appends to a run did. */
import type { RunState } from '@millrace/protocol'
import type { RunRow } from '#store/rules/rows'
import type { Commit, StoredEvent } from '#store/store'
import { decodeEvents } from './log-text.ts'
import type { Operation, OperationResult } from './operations.ts'
import { toRecord } from './run-record.ts'

/**
 * Numbers the events of `written` and returns the commits, in order. What several operations of the
 * batch did to one run is one commit, except that a commit that says `created`, `finished` or `deleted`
 * is never hidden by another.
 */
export function commitsOf(
  written: readonly { operation: Operation; events: StoredEvent[] }[],
  results: readonly OperationResult[],
): Commit[] {
  const commits: Commit[] = []
  const latest = new Map<string, Commit>()
  for (const [index, { operation, events }] of written.entries()) {
    const result = results[index]
    if (result === undefined) continue
    const commit = commitOf(operation, events, result)
    if (commit === null) continue
    const earlier = latest.get(commit.runId)
    if (earlier !== undefined && absorb(earlier, commit)) continue
    latest.set(commit.runId, commit)
    commits.push(commit)
  }
  return commits
}

function commitOf(operation: Operation, events: StoredEvent[], result: OperationResult): Commit | null {
  const appendedTo = runOfAppend(operation)
  if (result.kind === 'appended' && appendedTo !== null && events.length > 0) {
    return appendCommit(appendedTo, result.state, events, result.firstSeq)
  }
  if (result.kind === 'row' && result.changed) {
    const before = decodeEvents(result.withdrawn ?? '', 1)
    return rowCommit(operation, result.row, [...before, ...events, ...decodeEvents(result.carried ?? '', 1)])
  }
  if (result.kind === 'dropped' && result.changed) return dropCommit(operation, result.row)
  return null
}

function runOfAppend(operation: Operation): string | null {
  const appends = ['append', 'produce', 'ask', 'answer', 'say', 'deliver', 'withdraw'].includes(operation.op)
  return appends && 'run' in operation && typeof operation.run === 'string' ? operation.run : null
}

function appendCommit(runId: string, state: RunState, events: StoredEvent[], firstSeq: number): Commit {
  number(events, firstSeq)
  const head = firstSeq + events.length - 1
  return { runId, change: 'updated', state, head, closed: false, events }
}

function rowCommit(operation: Operation, row: RunRow, events: StoredEvent[]): Commit {
  number(events, row.head - events.length + 1)
  const change = operation.op === 'create' ? 'created' : operation.op === 'finish' ? 'finished' : 'updated'
  return { runId: row.id, change, state: row.state, head: row.head, closed: row.closed, events }
}

function dropCommit(operation: Operation, row: RunRow): Commit {
  const commit = rowCommit(operation, row, [])
  return operation.op === 'delete' ? { ...commit, change: 'deleted', last: toRecord(row) } : commit
}

function number(events: StoredEvent[], firstSeq: number): void {
  let seq = firstSeq
  for (const event of events) {
    event.seq = seq
    seq += 1
  }
}

/** Joins `next` to `earlier` of the same run, unless one of the two must be announced by itself. */
function absorb(earlier: Commit, next: Commit): boolean {
  if (next.change !== 'updated' && earlier.change !== 'updated') return false
  if (earlier.change === 'finished' || next.change === 'deleted') return false
  if (next.change === 'finished') earlier.change = 'finished'
  earlier.state = next.state
  earlier.head = next.head
  earlier.closed = next.closed
  for (const event of next.events) earlier.events.push(event)
  return true
}
