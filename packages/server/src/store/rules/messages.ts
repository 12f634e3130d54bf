/**
 * What people say to the agent of a run.
 *
 * Invariants: a message has one `message:queued` event in each run that has it, and after it at most one of
 * `message:delivered` and `message:withdrawn`. Whether a message is withdrawn or taken is decided here, once. A
 * sealed run takes no messages; it is sealed in the step that tells its agent that no more will come, so that no
 * accepted message is missed.
 */
import { type Message, type MessageMode, type MessageQueuedEvent, messageTypes } from '@millrace/protocol'
import { fence } from './fence.ts'
import { isRefusal, type Refusal, refusal, unknownRun } from './refusal.ts'
import type { RunFacts } from './rows.ts'

type Facts = Pick<RunFacts, 'closed' | 'attempt' | 'sealed'>

/** Which messages an agent takes: one for a turn, all that join one, or the one that cuts it. */
export type MessageWant = 'turn' | 'joining' | 'interrupt'

/** Returns the run if it takes the message. `waiting`: how many are neither taken nor withdrawn. */
export function acceptMessage<Run extends Facts>(
  run: Run | undefined,
  { id, taken, waiting, waitingMax }: { id: string; taken: boolean; waiting: number; waitingMax: number },
): Run | Refusal {
  if (run === undefined) return unknownRun()
  if (run.closed) return refusal('run_over', 'The run is already over')
  if (run.sealed) return refusal('not_listening', 'The run is about to end and takes no more messages')
  if (taken) return refusal('internal', `There is a message ${id} already`)
  if (waiting >= waitingMax) {
    return refusal(
      'too_many_messages',
      `${waiting} messages wait already; try again when the agent has read one`,
    )
  }
  return run
}

/**
 * Returns the messages that the agent takes now, in their order. `waiting`: those nobody has taken, oldest first.
 * `seals`: with `seal`, there are none and none will come.
 */
export function takeMessages<Run extends Facts, Waiting extends { mode: MessageMode }>(
  run: Run | undefined,
  attempt: number,
  { want, seal }: { want: MessageWant; seal: boolean },
  waiting: readonly Waiting[],
): { run: Run; taken: Waiting[]; seals: boolean } | Refusal {
  const own = fence(run, attempt)
  if (isRefusal(own)) return own
  const taken = chosen(waiting, want)
  return { run: own, taken, seals: seal && taken.length === 0 && !own.sealed }
}

/** An interrupt comes first, then what was to join a turn that had no place for it, then what waits for its turn. */
const urgency: readonly MessageMode[] = ['interrupt', 'steer', 'queue']

function chosen<Waiting extends { mode: MessageMode }>(
  waiting: readonly Waiting[],
  want: MessageWant,
): Waiting[] {
  if (want === 'joining') return waiting.filter(({ mode }) => mode === 'steer')
  const modes = want === 'interrupt' ? urgency.slice(0, 1) : urgency
  for (const mode of modes) {
    const first = waiting.find((message) => message.mode === mode)
    if (first !== undefined) return [first]
  }
  return []
}

/** Returns the run if the message becomes part of its conversation now. Null: it is already. */
export function deliverMessage<Run extends Facts>(
  run: Run | undefined,
  attempt: number,
  message: Pick<Message, 'state'> | undefined,
): Run | Refusal | null {
  const own = fence(run, attempt)
  if (isRefusal(own)) return own
  if (message === undefined) return unknownMessage()
  if (message.state === 'delivered') return null
  return message.state === 'taken'
    ? own
    : refusal('internal', `A message that is ${message.state} cannot be delivered`)
}

/** Returns the run if the message can be taken back. */
export function withdrawMessage<Run extends Facts>(
  run: Run | undefined,
  message: Pick<Message, 'state'> | undefined,
): Run | Refusal {
  if (run === undefined) return unknownRun()
  if (message === undefined) return unknownMessage()
  if (message.state === 'taken' || message.state === 'delivered') {
    return refusal('message_taken', 'The agent has already taken the message')
  }
  if (message.state !== 'waiting') return refusal('message_taken', `The message is already ${message.state}`)
  return run.closed ? refusal('run_over', 'The run is already over') : run
}

/** Null: it is sealed already. */
export function sealRun(run: Facts | undefined): Pick<RunFacts, 'sealed'> | Refusal | null {
  if (run === undefined) return unknownRun()
  if (run.closed) return refusal('run_over', 'The run is already over')
  return run.sealed ? null : { sealed: true }
}

/** The event, in the run that resumes, of a message that was not delivered before. */
export function carryMessage(
  { id, mode, text, user, attachments }: Pick<Message, 'id' | 'mode' | 'text' | 'user' | 'attachments'>,
  carriedFrom: string,
): { type: string; json: string } {
  const attached = attachments === undefined ? {} : { attachments }
  const data: MessageQueuedEvent = { messageId: id, mode, text, user, ...attached, carriedFrom }
  return { type: messageTypes.queued, json: JSON.stringify(data) }
}

function unknownMessage(): Refusal {
  return refusal('not_found', 'There is no such message')
}
