/**
 * What each operation does to the tables. An operation is judged by its rule before it changes anything,
 * and nothing after that can fail: it takes effect as a whole or not at all.
 */
import { isUndelivered } from '@millrace/protocol'
import type { Operation, OperationResult } from '#store/batched/operations'
import * as approvals from '#store/rules/approvals'
import * as claims from '#store/rules/claim'
import { type CreateFacts, copiesOf, create } from '#store/rules/create'
import { fence } from '#store/rules/fence'
import { finish } from '#store/rules/finish'
import * as forget from '#store/rules/forget'
import * as parking from '#store/rules/park'
import { produce } from '#store/rules/produce'
import * as progress from '#store/rules/progress'
import { isRefusal, unknownRun } from '#store/rules/refusal'
import { bytesOfEnd, bytesOfText, tooLong } from '#store/rules/room'
import type { NewRunRow, RunRow } from '#store/rules/rows'
import type { TranscriptEntry } from '#store/store'
import { addEvents, appended, changed, rowResult, type Writer } from './changes.ts'
import { credentialWriter } from './credential-writer.ts'
import { carryMessages, messageWriter } from './message-writer.ts'
import { addToTally, type MemoryRun, type MemoryTables, quotaFacts, toRow } from './tables.ts'

export function createWriter(tables: MemoryTables): (operation: Operation) => OperationResult {
  const writer: Writer = {
    ...runWriter(tables),
    ...progressWriter(tables),
    ...approvalWriter(tables),
    ...messageWriter(tables),
    ...retentionWriter(tables),
    ...credentialWriter(tables),
    probe: () => ({ kind: 'none' }),
  }
  return (operation) => (writer[operation.op] as (operation: Operation) => OperationResult)(operation)
}

function runWriter(
  tables: MemoryTables,
): Pick<Writer, 'create' | 'claim' | 'append' | 'produce' | 'transcript'> {
  const { runs } = tables
  return {
    create({ run, log }) {
      const created = create(run, factsFor(tables, run))
      if (isRefusal(created)) return created
      if (created.kind === 'known') return rowResult(known(runs, created.id), false)
      const added = insert(tables, run, created.row)
      addEvents(added, log)
      const { copies } = created
      if (copies === null) return rowResult(added, true)
      const earlier = known(runs, copies.from)
      keep(added, earlier.transcript.slice(0, copies.entries ?? undefined))
      const carried = copies.entries === null ? carryMessages(earlier, added) : ''
      return carried === '' ? rowResult(added, true) : { ...rowResult(added, true), carried }
    },

    claim({ kind, limit, node }) {
      const ofKind = [...runs.values()].filter((run) => run.kind === kind)
      const oldest = ofKind.find(parking.isReady) ?? ofKind.find(claims.isWaiting)
      const active = ofKind.filter((run) => run.node === node && claims.isActive(run)).length
      const claimed = claims.claim(oldest, { active, limit, node })
      return oldest === undefined || claimed === null ? { kind: 'none' } : changed(oldest, claimed)
    },

    append({ run: id, attempt, log }) {
      const run = fence(runs.get(id), attempt)
      return isRefusal(run) ? run : appended(run, log)
    },

    produce({ run: id, log, ...batch }) {
      const known = batch.producer === null ? undefined : runs.get(id)?.producers.get(batch.producer)
      const produced = produce(runs.get(id), known, batch)
      if (isRefusal(produced)) return produced
      const { run } = produced
      run.leaseUntil = produced.leaseUntil
      if (produced.kind === 'duplicate') {
        const answer = known?.answers[batch.seq]
        if (answer === undefined) throw new Error(`batch ${batch.seq} was not answered`)
        return { kind: 'duplicate', ...answer }
      }
      const result = appended(run, log)
      if (batch.producer !== null && produced.producer !== null && result.kind === 'appended') {
        const answers = produced.begins ? [] : (known?.answers ?? [])
        answers.push({ firstSeq: result.firstSeq, lastSeq: run.head })
        run.producers.set(batch.producer, { ...produced.producer, answers })
      }
      return result
    },

    transcript({ run: id, attempt, entries }) {
      const run = fence(runs.get(id), attempt)
      if (isRefusal(run)) return run
      keep(run, entries)
      return { kind: 'done' }
    },
  }
}

function progressWriter(
  tables: MemoryTables,
): Pick<Writer, 'running' | 'park' | 'wake' | 'process' | 'end' | 'finish'> {
  const { runs } = tables
  return {
    running({ run: id, attempt, at, log }) {
      const marked = progress.markRunning(runs.get(id), attempt, at)
      if (isRefusal(marked)) return marked
      addEvents(marked.run, log)
      return changed(marked.run, marked.change)
    },

    park({ run: id, attempt, usage, log }) {
      const known = runs.get(id)
      const undelivered = [...(known?.messages.values() ?? [])].filter(({ state }) => isUndelivered(state))
      const openOnes = known === undefined ? [] : openApprovals(known)
      const parked = parking.park(known, attempt, { openApprovals: openOnes.length, undelivered })
      if (parked === null) return { kind: 'none' }
      if (isRefusal(parked)) return parked
      const { run, change } = parked
      for (const message of undelivered) message.state = 'waiting'
      addEvents(run, log)
      return changed(run, { ...change, usage: usage ?? run.usage })
    },

    wake({ run: id, attempt, log }) {
      const woken = parking.wake(runs.get(id), attempt)
      if (isRefusal(woken)) return woken
      if (woken.change === null) return rowResult(woken.run, false)
      addEvents(woken.run, log)
      return changed(woken.run, woken.change)
    },

    process({ run: id, attempt, pid, startTime }) {
      const run = fence(runs.get(id), attempt)
      return isRefusal(run) ? run : changed(run, { pid, processStart: startTime })
    },

    end({ run: id, cause }) {
      const run = runs.get(id)
      if (run === undefined) return { kind: 'none' }
      const change = progress.requestEnd(run, cause)
      return change === null ? rowResult(run, false) : changed(run, change)
    },

    finish(operation) {
      const run = runs.get(operation.run)
      const open = run === undefined ? [] : openApprovals(run)
      const finished = finish(run, operation.attempt, operation, open)
      if (finished === null) return { kind: 'none' }
      if (isRefusal(finished)) return finished
      const long = tooLong(bytesOfEnd(finished.change), () => quotaFacts(tables, finished.run, operation))
      if (long !== null) return long
      const withdrawn = withdraw(finished.run, finished.withdrawn, operation.at)
      addEvents(finished.run, operation.log)
      addToTally(tables, finished.run.kind, finished.tally)
      const result = changed(finished.run, finished.change)
      return withdrawn === '' ? result : { ...result, withdrawn }
    },
  }
}

function approvalWriter(tables: MemoryTables): Pick<Writer, 'ask' | 'answer'> {
  const { runs } = tables
  return {
    ask({ run: id, attempt, approval, expiresAt, call, log }) {
      const taken = runs.get(id)?.approvals.has(approval) ?? false
      const run = approvals.ask(runs.get(id), attempt, { id: approval, taken })
      if (isRefusal(run)) return run
      run.approvals.set(approval, { expiresAt, call, answer: null })
      return appended(run, log)
    },

    answer({ run: id, approval, answer, log, ...limits }) {
      const asked = runs.get(id)?.approvals.get(approval)
      const run = approvals.answer(runs.get(id), asked)
      if (isRefusal(run)) return run
      const long = tooLong(bytesOfText(answer), () => quotaFacts(tables, run, limits))
      if (long !== null) return long
      if (asked !== undefined) asked.answer = answer
      Object.assign(run, parking.readied(run))
      return appended(run, log)
    },
  }
}

function retentionWriter({ runs }: MemoryTables): Pick<Writer, 'prune' | 'delete' | 'reclaim'> {
  return {
    prune({ run: id, through }) {
      const run = runs.get(id)
      if (run === undefined) return unknownRun()
      const { firstSeq, events } = forget.prune(run, through)
      run.firstSeq = firstSeq
      const kept = run.log.findIndex(({ lastSeq }) => lastSeq >= firstSeq)
      run.log.splice(0, kept === -1 ? run.log.length : kept)
      return { kind: 'dropped', row: toRow(run), events, changed: events > 0 }
    },

    delete({ run: id }) {
      const run = runs.get(id)
      if (run === undefined) return { kind: 'none' }
      const deleted = forget.deleteRun(run)
      if (isRefusal(deleted)) return deleted
      runs.delete(id)
      return { kind: 'dropped', row: toRow(run), events: deleted.events, changed: true }
    },

    // What was forgotten takes no room.
    reclaim: () => ({ kind: 'reclaimed', bytes: 0, more: false }),
  }
}

function factsFor(tables: MemoryTables, run: NewRunRow): CreateFacts {
  const { runs } = tables
  const all = [...runs.values()]
  const first = all.find(
    ({ owner, idempotency }) =>
      idempotency !== null && owner === run.owner && idempotency.key === run.idempotency?.key,
  )
  return {
    sameKey: first && { id: first.id, fingerprint: first.idempotency?.fingerprint ?? null },
    transcriptKept: (runs.get(copiesOf(run)?.from ?? '')?.transcript.length ?? 0) > 0,
    placeTaken: all.some(({ place, closed }) => place !== null && !closed && place === run.place),
    ownerBytes: quotaFacts(tables, run, run).ownerBytes,
    idTaken: runs.has(run.id),
  }
}

function insert(tables: MemoryTables, { place, idempotency }: NewRunRow, row: RunRow): MemoryRun {
  tables.lastN += 1
  const kept = {
    log: [],
    approvals: new Map(),
    messages: new Map(),
    attached: new Map(),
    transcript: [],
    producers: new Map(),
  }
  const run: MemoryRun = { ...row, ...kept, n: tables.lastN, place, idempotency }
  tables.runs.set(row.id, run)
  return run
}

function keep(run: MemoryRun, entries: readonly TranscriptEntry[]): void {
  for (const entry of entries) run.transcript.push({ ...entry })
}

/** A run that a rule has named. */
function known(runs: ReadonlyMap<string, MemoryRun>, id: string): MemoryRun {
  const run = runs.get(id)
  if (run === undefined) throw new Error(`there is no run ${id}`)
  return run
}

function openApprovals({ approvals }: MemoryRun): string[] {
  return [...approvals].flatMap(([id, { answer }]) => (answer === null ? [id] : []))
}

/** Returns the text of the events, '' for none. */
function withdraw(run: MemoryRun, withdrawn: readonly approvals.Withdrawal[], at: number): string {
  let texts = ''
  for (const { approval, type, answer } of withdrawn) {
    const asked = run.approvals.get(approval)
    if (asked !== undefined) asked.answer = answer
    const text = `${at} ${type} ${answer}\n`
    addEvents(run, [{ count: 1, overhead: text.length - answer.length, text }])
    texts += text
  }
  return texts
}
