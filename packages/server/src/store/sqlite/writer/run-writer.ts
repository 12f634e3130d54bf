/**
 * What each operation does to a run's row and log, inside the transaction of its batch: it reads what
 * the rules ask about, and writes what they decide.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { FinishOperation, OperationResult, RunOperation } from '#store/batched/operations'
import * as claims from '#store/rules/claim'
import * as creation from '#store/rules/create'
import { fence } from '#store/rules/fence'
import * as ending from '#store/rules/finish'
import { sealRun } from '#store/rules/messages'
import * as rules from '#store/rules/park'
import * as progress from '#store/rules/progress'
import { isRefusal } from '#store/rules/refusal'
import { bytesOfEnd, bytesOfRun, tooLong } from '#store/rules/room'
import type { NewRunRow, RunRow } from '#store/rules/rows'
import { createApprovalWriter, prepareParking } from './approval-writer.ts'
import { createForgetter } from './forgetter.ts'
import { createMessageWriter } from './message-writer.ts'
import type { OpenRun, PendingLog } from './pending-log.ts'
import { createProducerWriter } from './producer-writer.ts'
import { prepareRunStatements } from './run-statements.ts'
import { createTranscriptWriter } from './transcript-writer.ts'

type RowResult = Extract<OperationResult, { kind: 'row' }>
type OperationOf<Op extends RunOperation['op']> = Extract<RunOperation, { op: Op }>

export function createRunWriter(
  db: DatabaseSync,
  log: PendingLog,
): (operation: RunOperation) => OperationResult {
  const sql = prepareRunStatements(db)
  const forgetter = createForgetter(db, log)
  const parking = prepareParking(db)
  const approvals = createApprovalWriter(db, log, parking.set)
  const messages = createMessageWriter(db, log, parking.set)
  const transcripts = createTranscriptWriter(db, log)
  const produce = createProducerWriter(db, log)

  function apply(operation: RunOperation): OperationResult {
    switch (operation.op) {
      case 'append':
        return append(operation)
      case 'create':
        return create(operation)
      case 'claim':
        return claim(operation)
      case 'produce':
        return produce(operation)
      case 'running':
        return markRunning(operation)
      case 'park':
        return park(operation)
      case 'wake':
        return wake(operation)
      case 'process':
        return recordProcess(operation)
      case 'end':
        return requestEnd(operation)
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
        return seal(operation.run)
      case 'transcript':
        return transcripts.append(operation)
      case 'finish':
        return finish(operation)
      case 'prune':
        return forgetter.prune(operation.run, operation.through)
      case 'delete':
        return forgetter.deleteRun(operation.run)
      case 'reclaim':
        return forgetter.reclaim()
      case 'probe':
        sql.probe()
        return { kind: 'none' }
      default:
        return operation satisfies never
    }
  }

  function append({ run: id, attempt, log: events }: OperationOf<'append'>): OperationResult {
    const run = fence(log.open(id), attempt)
    if (isRefusal(run)) return run
    return { kind: 'appended', firstSeq: log.add(run, events), state: run.state }
  }

  function create({ run, log: events }: OperationOf<'create'>): OperationResult {
    const created = creation.create(run, factsFor(run))
    if (isRefusal(created)) return created
    if (created.kind === 'known') {
      const first = log.open(created.id)
      if (first === undefined) throw new Error(`a key names the run ${created.id}, which does not exist`)
      return row(first, false)
    }
    const n = sql.insert(run, created.row)
    const opened = log.opened(created.row, n)
    log.grow(opened, bytesOfRun(run))
    log.add(opened, events)
    const carried = created.copies === null ? '' : takeUp(created.copies, opened, created.row.createdAt)
    return carried === '' ? row(opened, true) : { ...row(opened, true), carried }
  }

  /** What a run has of an earlier one. Returns the text of the events about it. */
  function takeUp({ from: id, entries }: creation.Copies, run: OpenRun, at: number): string {
    const earlier = log.open(id)
    if (earlier === undefined) throw new Error(`the run ${id} is taken up and does not exist`)
    transcripts.copy(id, run, entries)
    return entries === null ? messages.carry({ id, run: earlier }, run, at) : ''
  }

  function factsFor(run: NewRunRow): creation.CreateFacts {
    const { id, owner, idempotency, place } = run
    const copies = creation.copiesOf(run)
    return {
      sameKey: idempotency === null ? undefined : sql.findByKey(owner, idempotency.key),
      transcriptKept: copies !== null && transcripts.isKept(copies.from),
      placeTaken: place !== null && sql.isPlaceTaken(place),
      ownerBytes: log.quotaFacts(run, run.ownerBytesMax).ownerBytes,
      idTaken: log.open(id) !== undefined,
    }
  }

  function claim({ kind, limit, node }: OperationOf<'claim'>): OperationResult {
    const active = sql.countActive(kind, node)
    const oldest = active < limit ? sql.findOldest(kind) : undefined
    const run = oldest === undefined ? undefined : log.open(oldest)
    const claimed = claims.claim(run, { active, limit, node })
    if (run === undefined || claimed === null) return { kind: 'none' }
    sql.claim(run.n, claimed)
    return changed(run, claimed)
  }

  function markRunning({ run: id, attempt, at, log: events }: OperationOf<'running'>): OperationResult {
    const marked = progress.markRunning(log.open(id), attempt, at)
    if (isRefusal(marked)) return marked
    const { run, change } = marked
    log.add(run, events)
    sql.markRunning(run.n, change)
    return changed(run, change)
  }

  function park({ run: id, attempt, usage, log: events }: OperationOf<'park'>): OperationResult {
    const known = log.open(id)
    const undelivered = known === undefined ? [] : parking.undelivered(known)
    const openApprovals = known === undefined ? 0 : approvals.open(known).length
    const parked = rules.park(known, attempt, { openApprovals, undelivered })
    if (parked === null) return { kind: 'none' }
    if (isRefusal(parked)) return parked
    log.add(parked.run, events)
    parking.park(parked.run, parked.change, usage)
    return changed(parked.run, parked.change)
  }

  function wake({ run: id, attempt, log: events }: OperationOf<'wake'>): OperationResult {
    const woken = rules.wake(log.open(id), attempt)
    if (isRefusal(woken)) return woken
    const { run, change } = woken
    if (change === null) return row(run, false)
    log.add(run, events)
    parking.set(run, change)
    return row(run, true)
  }

  function recordProcess({ run: id, attempt, pid, startTime }: OperationOf<'process'>): OperationResult {
    const run = fence(log.open(id), attempt)
    if (isRefusal(run)) return run
    sql.recordProcess(run.n, pid, startTime)
    return row(run, true)
  }

  function requestEnd({ run: id, cause }: OperationOf<'end'>): OperationResult {
    const run = log.open(id)
    if (run === undefined) return { kind: 'none' }
    const change = progress.requestEnd(run, cause)
    if (change === null) return row(run, false)
    sql.recordCause(run.n, change)
    return changed(run, change)
  }

  function seal(id: string): OperationResult {
    const run = log.open(id)
    const change = sealRun(run)
    if (change !== null && isRefusal(change)) return change
    if (run === undefined) throw new Error(`the run ${id} was sealed and does not exist`)
    if (change !== null) messages.seal(run)
    return row(run, change !== null)
  }

  function finish(operation: FinishOperation): OperationResult {
    const known = log.open(operation.run)
    const open = known === undefined || known.closed ? [] : approvals.open(known)
    const finished = ending.finish(known, operation.attempt, operation, open)
    if (finished === null) return { kind: 'none' }
    if (isRefusal(finished)) return finished
    const { run } = finished
    const long = tooLong(bytesOfEnd(finished.change), () => log.quotaFacts(run, operation.ownerBytesMax))
    if (long !== null) return long
    const withdrawn = approvals.withdraw(run, finished.withdrawn, operation.at)
    log.add(run, operation.log)
    log.grow(run, bytesOfEnd(finished.change))
    sql.finish(run.n, finished.change)
    sql.tally(run.n, finished.tally)
    const result = changed(run, finished.change)
    return withdrawn === '' ? result : { ...result, withdrawn }
  }

  function changed(run: OpenRun, change: Partial<RunRow>): RowResult {
    Object.assign(run, change)
    return row(run, true)
  }

  function row(run: OpenRun, changed: boolean): RowResult {
    log.flush(run)
    return { kind: 'row', row: sql.read(run.n), changed }
  }

  return apply
}
