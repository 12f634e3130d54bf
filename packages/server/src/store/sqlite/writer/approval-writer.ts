/**
 * What is written about questions to people, inside the transaction of its batch.
 *
 * Invariant: a question has one `permission:requested` event and at most one `permission:resolved`, and
 * exactly one once its run is over. The row decides: its answer is set once, with the event.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { PermissionResolvedEvent, permissionTypes } from '@millrace/protocol'
import type { OperationResult, RunOperation } from '#store/batched/operations'
import { fence, refused, unknownRun } from './fence.ts'
import type { OpenRun, PendingLog } from './pending-log.ts'

type OperationOf<Op extends RunOperation['op']> = Extract<RunOperation, { op: Op }>

/** Not the protocol's value: the store's threads load nothing of it. */
const resolved: typeof permissionTypes.resolved = 'permission:resolved'

export interface ApprovalWriter {
  ask(operation: OperationOf<'ask'>): OperationResult
  answer(operation: OperationOf<'answer'>): OperationResult
  /** Withdraws what is open of a run that ends; returns the text of the events, '' for none. */
  withdraw(run: OpenRun, at: number): string
}

export function createApprovalWriter(db: DatabaseSync, log: PendingLog): ApprovalWriter {
  const insert = db.prepare('INSERT INTO approvals (run, id, expires_at) VALUES (?, ?, ?)')
  const select = db.prepare('SELECT n, answer FROM approvals WHERE run = ? AND id = ?')
  const selectOpen = db.prepare('SELECT n, id FROM approvals WHERE run = ? AND answer IS NULL ORDER BY n')
  const update = db.prepare('UPDATE approvals SET answer = ? WHERE n = ?')

  function ask(operation: OperationOf<'ask'>): OperationResult {
    const run = fence(log, operation)
    if ('kind' in run) return run
    if (select.get(run.n, operation.approval) !== undefined) {
      return refused('internal', `There is an approval ${operation.approval} already`)
    }
    insert.run(run.n, operation.approval, operation.expiresAt)
    return { kind: 'appended', firstSeq: log.add(run, operation.log), state: run.state }
  }

  function answer(operation: OperationOf<'answer'>): OperationResult {
    const run = log.open(operation.run)
    if (run === undefined) return unknownRun()
    const approval = select.get(run.n, operation.approval)
    if (approval === undefined) return refused('not_found', 'There is no such approval')
    // What is open here has an open run: its end withdraws what is left.
    if (approval.answer !== null) return refused('already_answered', 'The approval is already answered')
    update.run(operation.answer, Number(approval.n))
    return { kind: 'appended', firstSeq: log.add(run, operation.log), state: run.state }
  }

  function withdraw(run: OpenRun, at: number): string {
    let texts = ''
    for (const { n, id } of selectOpen.all(run.n)) {
      const data: PermissionResolvedEvent = { approvalId: String(id), decision: 'deny', by: 'withdrawn' }
      const json = JSON.stringify(data)
      const text = `${at} ${resolved} ${json}\n`
      update.run(json, Number(n))
      log.add(run, [{ count: 1, overhead: text.length - json.length, text }])
      texts += text
    }
    return texts
  }

  return { ask, answer, withdraw }
}
