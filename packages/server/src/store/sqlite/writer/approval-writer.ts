/**
 * The rows of questions to people, and of runs that need no process while people think. What may happen to them is in
 * `rules/approvals.ts` and `rules/park.ts`.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { MessageMode } from '@millrace/protocol'
import type { OperationResult, RunOperation } from '#store/batched/operations'
import * as rules from '#store/rules/approvals'
import { type ParkedRow, readied } from '#store/rules/park'
import { isRefusal } from '#store/rules/refusal'
import { bytesOfText, tooLong } from '#store/rules/room'
import type { RunRow } from '#store/rules/rows'
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

export function createApprovalWriter(
  db: DatabaseSync,
  log: PendingLog,
  setParked: SetParked,
): ApprovalWriter {
  const insert = db.prepare('INSERT INTO approvals (run, id, expires_at, call) VALUES (?, ?, ?, ?)')
  const select = db.prepare('SELECT answer FROM approvals WHERE run = ? AND id = ?')
  const selectOpen = db.prepare('SELECT id FROM approvals WHERE run = ? AND answer IS NULL ORDER BY n')
  const update = db.prepare('UPDATE approvals SET answer = ? WHERE run = ? AND id = ?')
  const found = (run: OpenRun | undefined, id: string): { answer: unknown } | undefined =>
    run && (select.get(run.n, id) as { answer: unknown } | undefined)

  return {
    ask({ run: runId, attempt, approval: id, expiresAt, call, log: events }) {
      const known = log.open(runId)
      const run = rules.ask(known, attempt, { id, taken: found(known, id) !== undefined })
      if (isRefusal(run)) return run
      insert.run(run.n, id, expiresAt, call)
      return { kind: 'appended', firstSeq: log.add(run, events), state: run.state }
    },

    answer({ run: runId, approval: id, answer, ownerBytesMax, log: events }) {
      const known = log.open(runId)
      const run = rules.answer(known, found(known, id))
      if (isRefusal(run)) return run
      const long = tooLong(bytesOfText(answer), () => log.quotaFacts(run, ownerBytesMax))
      if (long !== null) return long
      update.run(answer, run.n, id)
      log.grow(run, bytesOfText(answer))
      setParked(run, readied(run))
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

/** Changes the row and the facts; null changes nothing. */
export type SetParked = (run: OpenRun, change: Pick<RunRow, 'parked'> | null) => void

export function prepareParking(db: DatabaseSync) {
  const update = db.prepare('UPDATE runs SET parked = ? WHERE n = ?')
  const park = db.prepare('UPDATE runs SET parked = ?, node = ?, pid = ?, process_start = ? WHERE n = ?')
  const updateUsage = db.prepare('UPDATE details SET usage = ? WHERE run = ?')
  const selectModes = db.prepare(
    `SELECT mode FROM messages WHERE run = ? AND state IN ('waiting', 'taken') ORDER BY n`,
  )
  const release = db.prepare(`UPDATE messages SET state = 'waiting' WHERE run = ? AND state = 'taken'`)
  const set: SetParked = (run, change) => {
    if (change === null) return
    update.run(change.parked, run.n)
    run.parked = change.parked
  }
  return {
    set,
    /** Messages that are not delivered. */
    undelivered: (run: OpenRun) => selectModes.all(run.n) as unknown as { mode: MessageMode }[],
    park(run: OpenRun, { parked, node, pid, processStart }: ParkedRow, usage: string | null) {
      park.run(parked, node, pid, processStart, run.n)
      release.run(run.n)
      if (usage !== null) updateUsage.run(usage, run.n)
    },
  }
}
