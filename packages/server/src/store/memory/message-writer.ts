/** What operations on messages do to the tables. */
import { isUndelivered, type Message, type MessageState } from '@millrace/protocol'
import { encodeEvents } from '#store/batched/log-text'
import * as rules from '#store/rules/messages'
import { readied } from '#store/rules/park'
import { isRefusal } from '#store/rules/refusal'
import type { MessageLimits } from '#store/store'
import { addEvents, appended, changed, rowResult, type Writer } from './changes.ts'
import { type MemoryRun, type MemoryTables, quotaFacts } from './tables.ts'

export function messageWriter(
  tables: MemoryTables,
): Pick<Writer, 'say' | 'take' | 'deliver' | 'withdraw' | 'seal'> {
  const { runs } = tables
  return {
    say({ run: id, message, contents, limits, log }) {
      const known = runs.get(id)
      const run = rules.acceptMessage(known, message, factsFor(known, message, { tables, limits }), limits)
      if (isRefusal(run)) return run
      run.messages.set(message.id, { ...message, state: 'waiting' })
      if (contents !== null) run.attached.set(message.id, contents)
      if (message.mode === 'interrupt') Object.assign(run, readied(run))
      return appended(run, log)
    },

    take({ run: id, attempt, want, seal }) {
      const known = runs.get(id)
      const decided = rules.takeMessages(known, attempt, { want, seal }, waitingIn(known))
      if (isRefusal(decided)) return decided
      const { run, taken, seals } = decided
      for (const message of taken) message.state = 'taken'
      if (seals) run.sealed = true
      const sealed = run.sealed && waitingIn(run).length === 0
      return { kind: 'taken', messages: taken.map((message) => ({ ...message })), sealed }
    },

    deliver({ run: id, attempt, message: messageId, log }) {
      const message = runs.get(id)?.messages.get(messageId)
      const run = rules.deliverMessage(runs.get(id), attempt, message)
      if (run === null) return { kind: 'done' }
      if (isRefusal(run)) return run
      if (message !== undefined) set(run, message, 'delivered')
      return appended(run, log)
    },

    withdraw({ run: id, message: messageId, log }) {
      const message = runs.get(id)?.messages.get(messageId)
      const run = rules.withdrawMessage(runs.get(id), message)
      if (isRefusal(run)) return run
      if (message !== undefined) set(run, message, 'withdrawn')
      return appended(run, log)
    },

    seal({ run: id }) {
      const run = runs.get(id)
      const change = rules.sealRun(run)
      if (change !== null && isRefusal(change)) return change
      if (run === undefined) throw new Error('a run that was sealed exists')
      return change === null ? rowResult(run, false) : changed(run, change)
    },
  }
}

/** Moves what was not delivered to the run that resumes. Returns the text of its events, '' for none. */
export function carryMessages(from: MemoryRun, to: MemoryRun): string {
  const carried = [...from.messages.values()].filter(({ state }) => isUndelivered(state))
  let texts = ''
  for (const message of carried) {
    to.messages.set(message.id, { ...message, state: 'waiting' })
    const contents = from.attached.get(message.id)
    if (contents !== undefined) to.attached.set(message.id, contents)
    set(from, message, 'carried')
    const log = encodeEvents([{ at: to.createdAt, ...rules.carryMessage(message, from.id) }])
    addEvents(to, log)
    for (const { text } of log) texts += text
  }
  return texts
}

function set(run: MemoryRun, message: Message, state: MessageState): void {
  message.state = state
  if (!rules.keepsContents(state)) run.attached.delete(message.id)
}

function factsFor(
  run: MemoryRun | undefined,
  { id }: Pick<Message, 'id'>,
  { tables, limits }: { tables: MemoryTables; limits: MessageLimits },
): rules.MessageFacts {
  return {
    taken: run?.messages.has(id) ?? false,
    ...rules.heldBy([...(run?.messages.values() ?? [])].map(rules.measured)),
    ownerBytes: run === undefined ? 0 : quotaFacts(tables, run, limits).ownerBytes,
  }
}

function waitingIn(run: MemoryRun | undefined): Message[] {
  return [...(run?.messages.values() ?? [])].filter(({ state }) => state === 'waiting')
}
