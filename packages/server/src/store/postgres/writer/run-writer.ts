/**
 * What each operation does to a run's row and log, inside the transaction of its batch: the rules decide about the rows
 * that are loaded, and what they decide is posted.
 */
import type { FinishOperation, OperationResult, RunOperation } from '#store/batched/operations'
import * as claims from '#store/rules/claim'
import { fence } from '#store/rules/fence'
import * as endings from '#store/rules/finish'
import * as progress from '#store/rules/progress'
import { isRefusal } from '#store/rules/refusal'
import { bytesOfEnd, bytesOfEntries, tooLong } from '#store/rules/room'
import type { RunRow } from '#store/rules/rows'
import { type ApprovalWriter, approvalWriter, parkingWriter } from './approval-writer.ts'
import { createRun } from './creation.ts'
import { forgetter } from './forgetter.ts'
import { type LoadedRun, rowOf } from './loaded-runs.ts'
import { messageWriter } from './message-writer.ts'
import { producerWriter } from './producer-writer.ts'
import * as sql from './run-statements.ts'
import type { WriterParts } from './writer-parts.ts'

type OperationOf<Op extends RunOperation['op']> = Extract<RunOperation, { op: Op }>
type RowResult = Extract<OperationResult, { kind: 'row' }>

export function runWriter(
  parts: WriterParts,
): (operation: RunOperation) => Promise<OperationResult> | OperationResult {
  const approvals = approvalWriter(parts)
  const own = ownWriter(parts)
  const ending = endingWriter(parts, approvals)
  const messages = messageWriter(parts)
  const parking = parkingWriter(parts, approvals)
  const produce = producerWriter(parts)
  const forget = forgetter(parts)

  return (operation) => {
    switch (operation.op) {
      case 'append':
        return own.append(operation)
      case 'create':
        return createRun(operation, parts)
      case 'claim':
        return own.claim(operation)
      case 'produce':
        return produce(operation)
      case 'running':
        return own.markRunning(operation)
      case 'park':
        return parking.park(operation)
      case 'wake':
        return parking.wake(operation)
      case 'process':
        return own.recordProcess(operation)
      case 'end':
        return ending.requestEnd(operation)
      case 'ask':
        return approvals.ask(operation)
      case 'answer':
        return approvals.answer(operation)
      case 'say':
        return messages.say(operation)
      case 'take':
        return messages.take(operation)
      case 'deliver':
        return messages.deliver(operation)
      case 'withdraw':
        return messages.withdraw(operation)
      case 'seal':
        return messages.seal(operation)
      case 'transcript':
        return own.keep(operation)
      case 'finish':
        return ending.finish(operation)
      case 'prune':
        return forget.prune(operation)
      case 'delete':
        return forget.deleteRun(operation)
      case 'reclaim':
        return forget.reclaim()
      case 'probe':
        // The number of the flush is written in any case.
        return { kind: 'none' }
      default:
        return operation satisfies never
    }
  }
}

/** Writes of the attempt that works on a run, and its claim. */
function ownWriter({ tx, runs }: WriterParts) {
  return {
    append({ run: id, attempt, log }: OperationOf<'append'>): OperationResult {
      const run = fence(runs.open(id), attempt)
      if (isRefusal(run)) return run
      return { kind: 'appended', firstSeq: runs.add(run, log), state: run.state }
    },

    async claim({ kind, limit, node, projects, limitOfAll }: OperationOf<'claim'>): Promise<OperationResult> {
      // Counts after it see what other nodes committed before they let the lock go.
      if (limitOfAll !== undefined) tx.post(sql.lockKind, [kind])
      const wanted = projects === undefined ? null : ['', ...projects]
      const next =
        wanted === null
          ? runs.claimable(sql.selectClaimable, [kind])
          : runs.claimable(sql.selectClaimableOf, [kind, wanted])
      const [counted, all, candidate] = await Promise.all([
        tx.ask<{ active: number }>(sql.countActive, [kind, node]),
        limitOfAll === undefined ? [] : tx.ask<{ active: number }>(sql.countActiveOfAll, [kind]),
        next,
      ])
      const active = counted[0]?.active ?? 0
      const isFull = active >= limit || (all[0]?.active ?? 0) >= (limitOfAll ?? Number.POSITIVE_INFINITY)
      const run = isFull ? undefined : candidate
      const claimed = claims.claim(run, { active, limit, node })
      if (run === undefined || claimed === null) return { kind: 'none' }
      const { state, attempt, pid, processStart, parked } = claimed
      tx.post(sql.updateClaimed, [run.n, state, attempt, node, pid, processStart, parked])
      return changed(run, claimed)
    },

    markRunning({ run: id, attempt, at, log }: OperationOf<'running'>): OperationResult {
      const marked = progress.markRunning(runs.open(id), attempt, at)
      if (isRefusal(marked)) return marked
      const { run, change } = marked
      runs.add(run, log)
      tx.post(sql.updateRunning, [run.n, change.state, change.startedAt])
      return changed(run, change)
    },

    recordProcess({ run: id, attempt, pid, startTime }: OperationOf<'process'>): OperationResult {
      const run = fence(runs.open(id), attempt)
      if (isRefusal(run)) return run
      tx.post(sql.updateProcess, [run.n, pid, startTime])
      return changed(run, { pid, processStart: startTime })
    },

    keep({ run: id, attempt, entries }: OperationOf<'transcript'>): OperationResult {
      const run = fence(runs.open(id), attempt)
      if (isRefusal(run)) return run
      tx.post(sql.insertEntries, [
        run.n,
        entries.map(({ conversation }) => conversation),
        entries.map(({ subpath }) => subpath),
        entries.map(({ json }) => json),
      ])
      runs.grow(run, bytesOfEntries(entries))
      return { kind: 'done' }
    },
  }
}

function endingWriter({ tx, runs, tallies }: WriterParts, approvals: ApprovalWriter) {
  return {
    requestEnd({ run: id, cause }: OperationOf<'end'>): OperationResult {
      const run = runs.open(id)
      if (run === undefined) return { kind: 'none' }
      const change = progress.requestEnd(run, cause)
      if (change === null) return { kind: 'row', row: rowOf(run), changed: false }
      tx.post(sql.updateCause, [run.n, change.cause])
      return changed(run, change)
    },

    finish(operation: FinishOperation): OperationResult {
      const known = runs.open(operation.run)
      const open = known === undefined ? [] : approvals.open(known)
      const finished = endings.finish(known, operation.attempt, operation, open)
      if (finished === null) return { kind: 'none' }
      if (isRefusal(finished)) return finished
      const { run, change, tally } = finished
      const long = tooLong(bytesOfEnd(change), () => runs.quotaFacts(run, operation.ownerBytesMax))
      if (long !== null) return long
      const withdrawn = approvals.withdraw(run, finished.withdrawn, operation.at)
      runs.add(run, operation.log)
      tx.post(sql.updateFinished, [
        run.n,
        change.state,
        change.outcome,
        change.closed,
        change.finishedAt,
        change.cause,
        change.parked,
      ])
      tx.post(sql.updateDetails, [run.n, change.result, change.error, change.usage])
      runs.grow(run, bytesOfEnd(change))
      tallies.add(run.kind, tally)
      const result = changed(run, change)
      return withdrawn === '' ? result : { ...result, withdrawn }
    },
  }
}

function changed(run: LoadedRun, change: Partial<RunRow>): RowResult {
  Object.assign(run, change)
  return { kind: 'row', row: rowOf(run), changed: true }
}
