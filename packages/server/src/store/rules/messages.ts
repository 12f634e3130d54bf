/**
 * What people say to the agent of a run.
 *
 * Invariants: a message has one `message:queued` event in each run that has it, and after it at most one of
 * `message:delivered` and `message:withdrawn`. Whether a message is withdrawn or taken is decided here, once. A
 * sealed run takes no messages; it is sealed in the step that tells its agent that no more will come, so that no
 * accepted message is missed.
 */
import {
  isUndelivered,
  type Message,
  type MessageMode,
  type MessageQueuedEvent,
  type MessageState,
  messageTypes,
} from '@millrace/protocol'
import { shownBytes } from '#store/quota-message'
import type { MessageLimits } from '#store/store'
import { fence } from './fence.ts'
import { isRefusal, type Refusal, refusal, unknownRun } from './refusal.ts'
import { bytesOfText, overQuota } from './room.ts'
import type { MessageRow, RunFacts, RunRow } from './rows.ts'

type Facts = Pick<RunFacts, 'closed' | 'attempt' | 'sealed'>

/** Which messages an agent takes: one for a turn, all that join one, or the one that cuts it. */
export type MessageWant = 'turn' | 'joining' | 'interrupt'

/** What a backend must look up before a message is accepted. */
export interface MessageFacts {
  /** There is a message of this id. */
  taken: boolean
  /** How many are neither taken nor withdrawn. */
  waiting: number
  /** What those that are not delivered hold, as `heldBy` counts it. */
  undeliveredBytes: number
  /** With `ownerBytesMax`: what the runs of the run's owner take. */
  ownerBytes: number
}

/** A message whose text a backend need not read to know how long it is. */
export type MeasuredMessage = Pick<Message, 'state' | 'attachments'> & { textBytes: number }

export function measured({ state, text, attachments }: Message): MeasuredMessage {
  return { state, textBytes: bytesOfText(text), attachments }
}

/** What the messages of a run hold. Those that are delivered, withdrawn or carried do not count. */
export function heldBy(
  messages: readonly MeasuredMessage[],
): Pick<MessageFacts, 'waiting' | 'undeliveredBytes'> {
  const undelivered = messages.filter(({ state }) => isUndelivered(state))
  return {
    waiting: undelivered.filter(({ state }) => state === 'waiting').length,
    undeliveredBytes: undelivered.reduce((sum, message) => sum + bytesHeld(message), 0),
  }
}

/** What a message gives to the agent, in bytes: its text, and what its attachments contain. */
function bytesHeld({ textBytes, attachments = [] }: Omit<MeasuredMessage, 'state'>): number {
  return attachments.reduce((sum, { bytes }) => sum + bytes, textBytes)
}

/**
 * Whether what the attachments of a message contain is kept. It is read when the message is taken, and once more where one that was
 * taken waits again. From its delivery on it is in the agent's conversation; a message that is carried takes it along.
 */
export function keepsContents(state: MessageState): boolean {
  return isUndelivered(state)
}

/** Returns the run if it takes the message. */
export function acceptMessage<Run extends Facts & Pick<RunRow, 'owner'>>(
  run: Run | undefined,
  message: Pick<MessageRow, 'id' | 'text' | 'attachments'>,
  { taken, waiting, undeliveredBytes, ownerBytes }: MessageFacts,
  { waitingMax, undeliveredBytesMax, ownerBytesMax }: MessageLimits,
): Run | Refusal {
  if (run === undefined) return unknownRun()
  if (run.closed) return refusal('run_over', 'The run is already over')
  if (run.sealed) return refusal('not_listening', 'The run is about to end and takes no more messages')
  if (taken) return refusal('internal', `There is a message ${message.id} already`)
  if (waiting >= waitingMax) {
    return refusal(
      'too_many_messages',
      `${waiting} messages wait already; try again when the agent has read one`,
    )
  }
  const { text, attachments } = message
  if (undeliveredBytes + bytesHeld({ textBytes: bytesOfText(text), attachments }) > undeliveredBytesMax) {
    const [held, most] = [shownBytes(undeliveredBytes), shownBytes(undeliveredBytesMax)]
    return refusal(
      'too_many_messages',
      `The messages that are not delivered hold ${held} already, and may hold at most ${most} together; try again when the agent has read some, or take some back`,
    )
  }
  return overQuota({ owner: run.owner, ownerBytes, ownerBytesMax }) ?? run
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
