/** The rows of questions to people. What may happen to one is in `rules/approvals.ts`. */
import type { DatabaseSync } from 'node:sqlite'
import type { OperationResult, RunOperation } from '#store/batched/operations'
import * as rules from '#store/rules/approvals'
import { isRefusal } from '#store/rules/refusal'
import { bytesOfText } from '#store/rules/room'
import type { OpenRun, PendingLog } from './pending-log.ts'

type OperationOf<Op extends RunOperation['op']> = Extract<RunOperation, { op: Op }>

export interface ApprovalWriter {
  ask(operation: OperationOf<'ask'>): OperationResult
  answer(operation: OperationOf<'answer'>): OperationResult
  /** Ids of the questions of a run that are open, oldest first. */
  open(run: OpenRun): string[]
  /** Writes answers that nobody gave; returns the text of their events, '' for none. */
  withdraw(run: OpenRun, withdrawn: readonly rules.Withdrawal[], at: number): string
}

export function createApprovalWriter(db: DatabaseSync, log: PendingLog): ApprovalWriter {
  const insert = db.prepare('INSERT INTO approvals (run, id, expires_at) VALUES (?, ?, ?)')
  const select = db.prepare('SELECT answer FROM approvals WHERE run = ? AND id = ?')
  const selectOpen = db.prepare('SELECT id FROM approvals WHERE run = ? AND answer IS NULL ORDER BY n')
  const update = db.prepare('UPDATE approvals SET answer = ? WHERE run = ? AND id = ?')
  const found = (run: OpenRun | undefined, id: string): { answer: unknown } | undefined =>
    run && (select.get(run.n, id) as { answer: unknown } | undefined)

  return {
    ask({ run: runId, attempt, approval: id, expiresAt, log: events }) {
      const known = log.open(runId)
      const run = rules.ask(known, attempt, { id, taken: found(known, id) !== undefined })
      if (isRefusal(run)) return run
      insert.run(run.n, id, expiresAt)
      return { kind: 'appended', firstSeq: log.add(run, events), state: run.state }
    },

    answer({ run: runId, approval: id, answer, log: events }) {
      const known = log.open(runId)
      const run = rules.answer(known, found(known, id))
      if (isRefusal(run)) return run
      update.run(answer, run.n, id)
      log.grow(run, bytesOfText(answer))
      return { kind: 'appended', firstSeq: log.add(run, events), state: run.state }
    },

    open: (run) => selectOpen.all(run.n).map(({ id }) => String(id)),

    withdraw(run, withdrawn, at) {
      let texts = ''
      for (const { approval, type, answer } of withdrawn) {
        const text = `${at} ${type} ${answer}\n`
        update.run(answer, run.n, approval)
        log.grow(run, bytesOfText(answer))
        log.add(run, [{ count: 1, overhead: text.length - answer.length, text }])
        texts += text
      }
      return texts
    },
  }
}
