/** The rows of what people say to agents. What may happen to one is in `rules/messages.ts`. */
import type { Message, MessageState } from '@millrace/protocol'
import { attachmentsColumn, type MessageColumns, messageOf } from '#store/batched/attachments'
import { encodeEvents } from '#store/batched/log-text'
import type { LogText, OperationResult, RunOperation } from '#store/batched/operations'
import type { Statement } from '#store/postgres/connection'
import { messageColumns } from '#store/postgres/rows'
import * as rules from '#store/rules/messages'
import { readied } from '#store/rules/park'
import { isRefusal } from '#store/rules/refusal'
import { bytesOfContents, bytesOfText } from '#store/rules/room'
import type { MessageLimits } from '#store/store'
import { type LoadedRun, rowOf } from './loaded-runs.ts'
import type { WriterParts } from './writer-parts.ts'

type OperationOf<Op extends RunOperation['op']> = Extract<RunOperation, { op: Op }>

export interface MessageWriter {
  say(operation: OperationOf<'say'>): OperationResult
  take(operation: OperationOf<'take'>): OperationResult
  deliver(operation: OperationOf<'deliver'>): OperationResult
  withdraw(operation: OperationOf<'withdraw'>): OperationResult
  seal(operation: OperationOf<'seal'>): OperationResult
}

const insert: Statement = {
  name: 'insert message',
  text: `INSERT INTO messages (run, id, mode, text, "user", at, attachments, state) VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting')`,
}
const attach: Statement = {
  name: 'insert attachments',
  text: 'INSERT INTO attachments (run, message, contents) VALUES ($1, $2, $3)',
}
const detach: Statement = {
  name: 'delete attachments',
  text: 'DELETE FROM attachments WHERE run = $1 AND message = $2',
}
const move: Statement = {
  name: 'move attachments',
  text: 'UPDATE attachments SET run = $2 WHERE run = $1 AND message = $3',
}
const update: Statement = {
  name: 'update message',
  text: 'UPDATE messages SET state = $3 WHERE run = $1 AND id = $2',
}
const updateSealed: Statement = { name: 'seal run', text: 'UPDATE runs SET sealed = true WHERE n = $1' }
const selectUndelivered: Statement = {
  name: 'messages to carry',
  text: `SELECT ${messageColumns} FROM messages WHERE run = $1 AND state IN ('waiting', 'taken') ORDER BY n`,
}

export function messageWriter({ tx, runs }: WriterParts): MessageWriter {
  function seal(run: LoadedRun): void {
    tx.post(updateSealed, [run.n])
    run.sealed = true
  }

  /** What a rule allowed: the message is known. */
  function change(run: LoadedRun, id: string, state: MessageState, log: readonly LogText[]): OperationResult {
    const message = run.messages.get(id)
    if (message === undefined) throw new Error(`there is no message ${id}`)
    set(run, message, state, { tx, runs })
    return { kind: 'appended', firstSeq: runs.add(run, log), state: run.state }
  }

  return {
    say({ run: runId, message, contents, limits, log }) {
      const known = runs.open(runId)
      const run = rules.acceptMessage(known, message, factsFor(known, message, { runs, limits }), limits)
      if (isRefusal(run)) return run
      put(run, message, { tx, runs })
      if (contents !== null) tx.post(attach, [run.n, message.id, contents])
      if (message.mode === 'interrupt') runs.setParked(run, readied(run))
      return { kind: 'appended', firstSeq: runs.add(run, log), state: run.state }
    },

    take({ run: runId, attempt, want, seal: seals }) {
      const known = runs.open(runId)
      const waiting = waitingOf(known)
      const decided = rules.takeMessages(known, attempt, { want, seal: seals }, waiting)
      if (isRefusal(decided)) return decided
      const { run, taken } = decided
      for (const message of taken) set(run, message, 'taken', { tx, runs })
      if (decided.seals) seal(run)
      const messages = taken.map((message): Message => ({ ...message, state: 'taken' }))
      return { kind: 'taken', messages, sealed: run.sealed && waiting.length === taken.length }
    },

    deliver({ run: runId, attempt, message, log }) {
      const known = runs.open(runId)
      const run = rules.deliverMessage(known, attempt, known?.messages.get(message))
      if (run === null) return { kind: 'done' }
      return isRefusal(run) ? run : change(run, message, 'delivered', log)
    },

    withdraw({ run: runId, message, log }) {
      const known = runs.open(runId)
      const run = rules.withdrawMessage(known, known?.messages.get(message))
      return isRefusal(run) ? run : change(run, message, 'withdrawn', log)
    },

    seal({ run: id }) {
      const run = runs.open(id)
      const sealed = rules.sealRun(run)
      if (sealed !== null && isRefusal(sealed)) return sealed
      if (run === undefined) throw new Error(`the run ${id} was sealed and does not exist`)
      if (sealed !== null) seal(run)
      return { kind: 'row', row: rowOf(run), changed: sealed !== null }
    },
  }
}

/** Messages that are not delivered wait, and nobody has taken them. */
export function releaseMessages(run: LoadedRun, messages: readonly Message[], tx: WriterParts['tx']): void {
  for (const message of messages) {
    run.messages.set(message.id, { ...message, state: 'waiting' })
    tx.post(update, [run.n, message.id, 'waiting'])
  }
}

/** Moves what was not delivered to a new run. Returns the text of its events, '' for none. */
export async function carryMessages(
  { id: fromId, run: from }: { id: string; run: LoadedRun },
  to: LoadedRun,
  at: number,
  { tx, runs }: Pick<WriterParts, 'tx' | 'runs'>,
): Promise<string> {
  let texts = ''
  for (const row of await tx.ask<MessageColumns>(selectUndelivered, [from.n])) {
    const message = messageOf(row)
    put(to, message, { tx, runs })
    if (message.attachments !== undefined) tx.post(move, [from.n, to.n, message.id])
    set(from, message, 'carried', { tx, runs })
    const events = encodeEvents([{ at, ...rules.carryMessage(message, fromId) }])
    runs.add(to, events)
    for (const { text } of events) texts += text
  }
  return texts
}

function put(
  run: LoadedRun,
  message: Omit<Message, 'state'>,
  { tx, runs }: Pick<WriterParts, 'tx' | 'runs'>,
): void {
  const { id, mode, text, user, at, attachments } = message
  run.messages.set(id, { ...message, state: 'waiting' })
  tx.post(insert, [run.n, id, mode, text, user, at, attachmentsColumn(message)])
  runs.grow(run, bytesOfText(text) + bytesOfContents(attachments))
}

function set(
  run: LoadedRun,
  message: Message,
  state: MessageState,
  { tx, runs }: Pick<WriterParts, 'tx' | 'runs'>,
): void {
  run.messages.set(message.id, { ...message, state })
  tx.post(update, [run.n, message.id, state])
  if (message.attachments === undefined || rules.keepsContents(state)) return
  tx.post(detach, [run.n, message.id])
  runs.grow(run, -bytesOfContents(message.attachments))
}

function factsFor(
  run: LoadedRun | undefined,
  { id }: Pick<Message, 'id'>,
  { runs, limits }: { runs: WriterParts['runs']; limits: MessageLimits },
): rules.MessageFacts {
  return {
    taken: run?.messages.has(id) ?? false,
    ...rules.heldBy([...(run?.messages.values() ?? [])].map(rules.measured)),
    ownerBytes: run === undefined ? 0 : runs.quotaFacts(run, limits.ownerBytesMax).ownerBytes,
  }
}

function waitingOf(run: LoadedRun | undefined): Message[] {
  return run === undefined ? [] : [...run.messages.values()].filter(({ state }) => state === 'waiting')
}
