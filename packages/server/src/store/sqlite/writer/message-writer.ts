/** The rows of what people say to agents. What may happen to one is in `rules/messages.ts`. */
import type { DatabaseSync } from 'node:sqlite'
import type { Message, MessageState } from '@millrace/protocol'
import { attachmentsColumn, type MessageColumns, messageOf } from '#store/batched/attachments'
import { encodeEvents } from '#store/batched/log-text'
import type { OperationResult, RunOperation } from '#store/batched/operations'
import * as rules from '#store/rules/messages'
import { readied } from '#store/rules/park'
import { isRefusal } from '#store/rules/refusal'
import { bytesOfContents, bytesOfText } from '#store/rules/room'
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

  const { insert, settle } = rowWriter(sql, log)

  function seal(run: OpenRun): void {
    sql.seal(run)
    run.sealed = true
  }

  return {
    say({ run: runId, message, contents, limits, log: events }) {
      const known = log.open(runId)
      const facts = {
        taken: sql.find(known, message.id) !== undefined,
        ...rules.heldBy(sql.measured(known)),
        ownerBytes: known === undefined ? 0 : log.quotaFacts(known, limits.ownerBytesMax).ownerBytes,
      }
      const run = rules.acceptMessage(known, message, facts, limits)
      if (isRefusal(run)) return run
      insert(run, message)
      if (contents !== null) sql.attach(run, message.id, contents)
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

    deliver({ run: runId, attempt, message: id, log: events }) {
      const known = log.open(runId)
      const message = sql.find(known, id)
      const run = rules.deliverMessage(known, attempt, message)
      if (run === null) return { kind: 'done' }
      if (isRefusal(run)) return run
      if (message !== undefined) settle(run, message, 'delivered')
      return { kind: 'appended', firstSeq: log.add(run, events), state: run.state }
    },

    withdraw({ run: runId, message: id, log: events }) {
      const known = log.open(runId)
      const message = sql.find(known, id)
      const run = rules.withdrawMessage(known, message)
      if (isRefusal(run)) return run
      if (message !== undefined) settle(run, message, 'withdrawn')
      return { kind: 'appended', firstSeq: log.add(run, events), state: run.state }
    },

    seal,

    carry: (from, to, at) => carry(from, to, { sql, log, at }),
  }
}

/** Writes the rows of messages, and counts them for their runs. */
function rowWriter(sql: Statements, log: PendingLog) {
  return {
    insert(run: OpenRun, message: Omit<Message, 'state'>): void {
      sql.insert(run, message)
      log.grow(run, bytesOfText(message.text) + bytesOfContents(message.attachments))
    },

    /** Of a message that a rule has found. */
    settle(run: OpenRun, message: Pick<Message, 'id' | 'attachments'>, state: MessageState): void {
      sql.update(state, run, message.id)
      if (message.attachments === undefined || rules.keepsContents(state)) return
      sql.detach(run, message.id)
      log.grow(run, -bytesOfContents(message.attachments))
    },
  }
}

/** Moves what was not delivered to a new run. */
function carry(
  { id: fromId, run: from }: { id: string; run: OpenRun },
  to: OpenRun,
  { sql, log, at }: { sql: Statements; log: PendingLog; at: number },
): string {
  const { insert, settle } = rowWriter(sql, log)
  let texts = ''
  for (const message of sql.undelivered(from)) {
    insert(to, message)
    sql.move(message, from, to)
    settle(from, message, 'carried')
    const events = encodeEvents([{ at, ...rules.carryMessage(message, fromId) }])
    log.add(to, events)
    for (const { text } of events) texts += text
  }
  return texts
}

type Statements = ReturnType<typeof prepareStatements>
type MeasuredRow = Pick<MessageColumns, 'state' | 'attachments'> & { textBytes: number }

function prepareStatements(db: DatabaseSync) {
  const insert = db.prepare(`INSERT INTO messages (run, id, mode, text, user, at, attachments, state)
    VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting')`)
  const attach = db.prepare('INSERT INTO attachments (run, message, contents) VALUES (?, ?, ?)')
  const detach = db.prepare('DELETE FROM attachments WHERE run = ? AND message = ?')
  const move = db.prepare('UPDATE attachments SET run = ? WHERE run = ? AND message = ?')
  const select = db.prepare('SELECT id, state, attachments FROM messages WHERE run = ? AND id = ?')
  const selectWaiting = db.prepare(
    `SELECT ${messageColumns} FROM messages WHERE run = ? AND state = 'waiting' ORDER BY n`,
  )
  const selectUndelivered = db.prepare(
    `SELECT ${messageColumns} FROM messages WHERE run = ? AND state IN ('waiting', 'taken') ORDER BY n`,
  )
  const selectMeasured = db.prepare(
    `SELECT state, octet_length(text) AS textBytes, attachments FROM messages
      WHERE run = ? AND state IN ('waiting', 'taken')`,
  )
  const update = db.prepare('UPDATE messages SET state = ? WHERE run = ? AND id = ?')
  const updateSealed = db.prepare('UPDATE runs SET sealed = 1 WHERE n = ?')

  return {
    insert: (run: OpenRun, message: Omit<Message, 'state'>) => {
      const { id, mode, text, user, at } = message
      return insert.run(run.n, id, mode, text, user, at, attachmentsColumn(message))
    },
    attach: (run: OpenRun, id: string, contents: string) => attach.run(run.n, id, contents),
    detach: (run: OpenRun, id: string) => detach.run(run.n, id),
    move: ({ id, attachments }: Pick<Message, 'id' | 'attachments'>, from: OpenRun, to: OpenRun) => {
      if (attachments !== undefined) move.run(to.n, from.n, id)
    },
    find(run: OpenRun | undefined, id: string) {
      const found = run && select.get(run.n, id)
      return found && messageOf(found as unknown as Pick<MessageColumns, 'id' | 'state' | 'attachments'>)
    },
    waiting: (run: OpenRun | undefined) =>
      run === undefined ? [] : (selectWaiting.all(run.n) as unknown as MessageColumns[]).map(messageOf),
    undelivered: (run: OpenRun) =>
      (selectUndelivered.all(run.n) as unknown as MessageColumns[]).map(messageOf),
    measured: (run: OpenRun | undefined): rules.MeasuredMessage[] =>
      run === undefined ? [] : (selectMeasured.all(run.n) as unknown as MeasuredRow[]).map(messageOf),
    update: (state: MessageState, run: OpenRun, id: string) => update.run(state, run.n, id),
    seal: (run: OpenRun) => updateSealed.run(run.n),
  }
}
