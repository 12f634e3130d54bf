/**
 * The rows of questions to people, and of runs that need no process while people think. What may happen to them is in
 * `rules/approvals.ts` and `rules/park.ts`.
 */
import { isUndelivered } from '@millrace/protocol'
import type { OperationResult, RunOperation } from '#store/batched/operations'
import * as rules from '#store/rules/approvals'
import * as parking from '#store/rules/park'
import { isRefusal } from '#store/rules/refusal'
import { bytesOfText, tooLong } from '#store/rules/room'
import { type LoadedRun, rowOf } from './loaded-runs.ts'
import { releaseMessages } from './message-writer.ts'
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
    ask({ run: runId, attempt, approval: id, expiresAt, call, log }) {
      const known = runs.open(runId)
      const run = rules.ask(known, attempt, { id, taken: known?.approvals.has(id) ?? false })
      if (isRefusal(run)) return run
      run.approvals.set(id, { answer: null })
      tx.post(sql.insertApproval, [run.n, id, expiresAt, call])
      return { kind: 'appended', firstSeq: runs.add(run, log), state: run.state }
    },

    answer({ run: runId, approval: id, answer, ownerBytesMax, log }) {
      const known = runs.open(runId)
      const run = rules.answer(known, known?.approvals.get(id))
      if (isRefusal(run)) return run
      const long = tooLong(bytesOfText(answer), () => runs.quotaFacts(run, ownerBytesMax))
      if (long !== null) return long
      resolve(run, id, answer)
      runs.setParked(run, parking.readied(run))
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

export function parkingWriter({ tx, runs }: WriterParts, approvals: ApprovalWriter) {
  return {
    park({ run: id, attempt, usage, log }: OperationOf<'park'>): OperationResult {
      const known = runs.open(id)
      const undelivered = [...(known?.messages.values() ?? [])].filter(({ state }) => isUndelivered(state))
      const openApprovals = known === undefined ? 0 : approvals.open(known).length
      const parked = parking.park(known, attempt, { openApprovals, undelivered })
      if (parked === null) return { kind: 'none' }
      if (isRefusal(parked)) return parked
      const { run, change } = parked
      releaseMessages(run, undelivered, tx)
      runs.add(run, log)
      tx.post(sql.parkRun, [run.n, change.parked, change.node, change.pid, change.processStart])
      if (usage !== null) tx.post(sql.updateUsage, [run.n, usage])
      Object.assign(run, change, { usage: usage ?? run.usage })
      return { kind: 'row', row: rowOf(run), changed: true }
    },

    wake({ run: id, attempt, log }: OperationOf<'wake'>): OperationResult {
      const woken = parking.wake(runs.open(id), attempt)
      if (isRefusal(woken)) return woken
      const { run, change } = woken
      if (change === null) return { kind: 'row', row: rowOf(run), changed: false }
      runs.add(run, log)
      runs.setParked(run, change)
      return { kind: 'row', row: rowOf(run), changed: true }
    },
  }
}
