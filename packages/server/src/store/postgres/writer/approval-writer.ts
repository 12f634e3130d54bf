/** The rows of questions to people. What may happen to one is in `rules/approvals.ts`. */
import type { OperationResult, RunOperation } from '#store/batched/operations'
import * as rules from '#store/rules/approvals'
import { isRefusal } from '#store/rules/refusal'
import { bytesOfText } from '#store/rules/room'
import type { LoadedRun } from './loaded-runs.ts'
import * as sql from './run-statements.ts'
import type { WriterParts } from './writer-parts.ts'

type OperationOf<Op extends RunOperation['op']> = Extract<RunOperation, { op: Op }>

export interface ApprovalWriter {
  ask(operation: OperationOf<'ask'>): OperationResult
  answer(operation: OperationOf<'answer'>): OperationResult
  /** Ids of the questions of a run that are open, oldest first. */
  open(run: LoadedRun): string[]
  /** Writes answers that nobody gave; returns the text of their events, '' for none. */
  withdraw(run: LoadedRun, withdrawn: readonly rules.Withdrawal[], at: number): string
}

export function approvalWriter({ tx, runs }: WriterParts): ApprovalWriter {
  function resolve(run: LoadedRun, id: string, answer: string): void {
    run.approvals.set(id, { answer })
    tx.post(sql.updateApproval, [run.n, id, answer])
    runs.grow(run, bytesOfText(answer))
  }

  return {
    ask({ run: runId, attempt, approval: id, expiresAt, log }) {
      const known = runs.open(runId)
      const run = rules.ask(known, attempt, { id, taken: known?.approvals.has(id) ?? false })
      if (isRefusal(run)) return run
      run.approvals.set(id, { answer: null })
      tx.post(sql.insertApproval, [run.n, id, expiresAt])
      return { kind: 'appended', firstSeq: runs.add(run, log), state: run.state }
    },

    answer({ run: runId, approval: id, answer, log }) {
      const known = runs.open(runId)
      const run = rules.answer(known, known?.approvals.get(id))
      if (isRefusal(run)) return run
      resolve(run, id, answer)
      return { kind: 'appended', firstSeq: runs.add(run, log), state: run.state }
    },

    open: ({ approvals }) => [...approvals].flatMap(([id, { answer }]) => (answer === null ? [id] : [])),

    withdraw(run, withdrawn, at) {
      let texts = ''
      for (const { approval, type, answer } of withdrawn) {
        const text = `${at} ${type} ${answer}\n`
        resolve(run, approval, answer)
        runs.add(run, [{ count: 1, overhead: text.length - answer.length, text }])
        texts += text
      }
      return texts
    },
  }
}
