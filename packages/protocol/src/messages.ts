/** Messages: what people say to a session or an execution at work (docs/protocol.md#messages). */

/** When a message reaches the agent. */
export const messageModes = ['queue', 'steer', 'interrupt'] as const
/**
 * `queue`: it starts a turn of its own, after the running one. `steer`: it joins the running turn before the model is
 * asked again, or starts the next one. `interrupt`: the running turn is cut, and it starts the next one.
 */
export type MessageMode = (typeof messageModes)[number]

export const messageStates = ['waiting', 'taken', 'delivered', 'withdrawn', 'carried'] as const
/**
 * `waiting`: it can be withdrawn. `taken`: the agent is about to read it. `delivered`: it is part of the conversation.
 * `carried`: the run ended before that, and the run that resumes it has the message. A message that is still `waiting`
 * or `taken` when its run is over was not delivered.
 */
export type MessageState = (typeof messageStates)[number]

/** A message waits for its delivery in one of these. */
export function isUndelivered(state: MessageState): boolean {
  return state === 'waiting' || state === 'taken'
}

/** What a message may bring along. */
export const attachmentTypes = [
  'image/png',
  'image/jpeg',
  'image/gif',
  'image/webp',
  'application/pdf',
  'application/json',
  'text/plain',
  'text/markdown',
  'text/csv',
  'text/html',
] as const
export type AttachmentType = (typeof attachmentTypes)[number]

/** A file that a message brings along. */
export interface Attachment {
  name: string
  mediaType: AttachmentType
  bytes: number
  /** Of the bytes, in hexadecimal. */
  sha256: string
}

export interface Message {
  /** A UUID. */
  id: string
  mode: MessageMode
  text: string
  /** Name of the user who sent it. */
  user: string
  /** When it was accepted, milliseconds since the epoch. */
  at: number
  state: MessageState
  /** Present where it has any. */
  attachments?: Attachment[] | undefined
}

/** Types of the events about messages. */
export const messageTypes = {
  /** Followed by at most one of the other two with the same id. */
  queued: 'message:queued',
  delivered: 'message:delivered',
  withdrawn: 'message:withdrawn',
} as const

export interface MessageQueuedEvent {
  messageId: string
  mode: MessageMode
  text: string
  /** Name of the user who sent it. */
  user: string
  /** Present where it has any; the log does not have their contents. */
  attachments?: Attachment[]
  /** Present where it was not delivered in the run that this one resumes: the id of that run. */
  carriedFrom?: string
}

export interface MessageDeliveredEvent {
  messageId: string
}

export type MessageWithdrawnEvent = MessageDeliveredEvent

/** Type of the event of an interactive session whose turn is over and that waits for a message. */
export const idleType = 'session:idle'

export interface SessionIdleEvent {
  /** The session completes at this time unless a message arrives. Milliseconds since the epoch. */
  until: number
}
