/** The rows of what people say to agents. What may happen to one is in `rules/messages.ts`. */
import type { DatabaseSync } from 'node:sqlite'
import type { Message, MessageState } from '@millrace/protocol'
import { attachmentsColumn, type MessageColumns, messageOf } from '#store/batched/attachments'
import { encodeEvents } from '#store/batched/log-text'
import type { OperationResult, RunOperation } from '#store/batched/operations'
import * as rules from '#store/rules/messages'
import { readied } from '#store/rules/park'
import { isRefusal } from '#store/rules/refusal'
import { bytesOfText } from '#store/rules/room'
import { messageColumns } from '#store/sqlite/run-columns'
import type { SetParked } from './approval-writer.ts'
import type { OpenRun, PendingLog } from './pending-log.ts'

type OperationOf<Op extends RunOperation['op']> = Extract<RunOperation, { op: Op }>

export interface MessageWriter {
  say(operation: OperationOf<'say'>): OperationResult
  take(operation: OperationOf<'take'>): OperationResult
  deliver(operation: OperationOf<'deliver'>): OperationResult
  withdraw(operation: OperationOf<'withdraw'>): OperationResult
  /** Records that a run takes no more messages. */
  seal(run: OpenRun): void
  /** Moves what was not delivered to a new run. Returns the text of its events, '' for none. */
  carry(from: { id: string; run: OpenRun }, to: OpenRun, at: number): string
}

export function createMessageWriter(db: DatabaseSync, log: PendingLog, setParked: SetParked): MessageWriter {
  const sql = prepareStatements(db)

  function insert(run: OpenRun, message: Omit<Message, 'state'>, contents: string | null): void {
    sql.insert(run, message)
    if (contents !== null) sql.attach(run, message.id, contents)
    log.grow(run, bytesOfText(message.text) + bytesOfText(contents))
  }

  function seal(run: OpenRun): void {
    sql.seal(run)
    run.sealed = true
  }

  return {
    say({ run: runId, message, contents, waitingMax, log: events }) {
      const known = log.open(runId)
      const taken = sql.find(known, message.id) !== undefined
      const waiting = sql.countWaiting(known)
      const run = rules.acceptMessage(known, { id: message.id, taken, waiting, waitingMax })
      if (isRefusal(run)) return run
      insert(run, message, contents)
      if (message.mode === 'interrupt') setParked(run, readied(run))
      return { kind: 'appended', firstSeq: log.add(run, events), state: run.state }
    },

    take({ run: runId, attempt, want, seal: seals }) {
      const known = log.open(runId)
      const waiting = sql.waiting(known)
      const decided = rules.takeMessages(known, attempt, { want, seal: seals }, waiting)
      if (isRefusal(decided)) return decided
      const { run, taken } = decided
      for (const { id } of taken) sql.update('taken', run, id)
      if (decided.seals) seal(run)
      const messages = taken.map((message): Message => ({ ...message, state: 'taken' }))
      return { kind: 'taken', messages, sealed: run.sealed && waiting.length === taken.length }
    },

    deliver({ run: runId, attempt, message, log: events }) {
      const known = log.open(runId)
      const run = rules.deliverMessage(known, attempt, sql.find(known, message))
      if (run === null) return { kind: 'done' }
      if (isRefusal(run)) return run
      sql.update('delivered', run, message)
      return { kind: 'appended', firstSeq: log.add(run, events), state: run.state }
    },

    withdraw({ run: runId, message, log: events }) {
      const known = log.open(runId)
      const run = rules.withdrawMessage(known, sql.find(known, message))
      if (isRefusal(run)) return run
      sql.update('withdrawn', run, message)
      return { kind: 'appended', firstSeq: log.add(run, events), state: run.state }
    },

    seal,

    carry({ id: fromId, run: from }, to, at) {
      let texts = ''
      for (const message of sql.undelivered(from)) {
        sql.update('carried', from, message.id)
        insert(to, message, sql.contents(from, message))
        const events = encodeEvents([{ at, ...rules.carryMessage(message, fromId) }])
        log.add(to, events)
        for (const { text } of events) texts += text
      }
      return texts
    },
  }
}

function prepareStatements(db: DatabaseSync) {
  const insert = db.prepare(`INSERT INTO messages (run, id, mode, text, user, at, attachments, state)
    VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting')`)
  const attach = db.prepare('INSERT INTO attachments (run, message, contents) VALUES (?, ?, ?)')
  const selectContents = db.prepare('SELECT contents FROM attachments WHERE run = ? AND message = ?')
  const selectState = db.prepare('SELECT state FROM messages WHERE run = ? AND id = ?')
  const selectWaiting = db.prepare(
    `SELECT ${messageColumns} FROM messages WHERE run = ? AND state = 'waiting' ORDER BY n`,
  )
  const selectUndelivered = db.prepare(
    `SELECT ${messageColumns} FROM messages WHERE run = ? AND state IN ('waiting', 'taken') ORDER BY n`,
  )
  const countWaiting = db.prepare(
    `SELECT count(*) AS waiting FROM messages WHERE run = ? AND state = 'waiting'`,
  )
  const update = db.prepare('UPDATE messages SET state = ? WHERE run = ? AND id = ?')
  const updateSealed = db.prepare('UPDATE runs SET sealed = 1 WHERE n = ?')

  return {
    insert: (run: OpenRun, message: Omit<Message, 'state'>) => {
      const { id, mode, text, user, at } = message
      return insert.run(run.n, id, mode, text, user, at, attachmentsColumn(message))
    },
    attach: (run: OpenRun, id: string, contents: string) => attach.run(run.n, id, contents),
    contents: (run: OpenRun, { id, attachments }: Pick<Message, 'id' | 'attachments'>) =>
      attachments === undefined ? null : String(selectContents.get(run.n, id)?.contents),
    find: (run: OpenRun | undefined, id: string) =>
      run && (selectState.get(run.n, id) as { state: MessageState } | undefined),
    waiting: (run: OpenRun | undefined) =>
      run === undefined ? [] : (selectWaiting.all(run.n) as unknown as MessageColumns[]).map(messageOf),
    undelivered: (run: OpenRun) =>
      (selectUndelivered.all(run.n) as unknown as MessageColumns[]).map(messageOf),
    countWaiting: (run: OpenRun | undefined) =>
      run === undefined ? 0 : Number(countWaiting.get(run.n)?.waiting),
    update: (state: MessageState, run: OpenRun, id: string) => update.run(state, run.n, id),
    seal: (run: OpenRun) => updateSealed.run(run.n),
  }
}
