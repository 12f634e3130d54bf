/** What tests of stores are made of: runs, events, and ways to look at a store. */
import { randomUUID } from 'node:crypto'
import type { Message } from '@millrace/protocol'
import type {
  EventInput,
  Finish,
  NewApproval,
  NewAttachment,
  NewMessage,
  NewRun,
  Store,
  TranscriptEntry,
} from '@millrace/server/store'

/** What a test works with: always the store that is open now. */
export interface Subject {
  readonly store: Store
  reopen(): Promise<Store>
}

export function newRun(given: Partial<NewRun> = {}): NewRun {
  return {
    id: randomUUID(),
    kind: 'job',
    project: 'web',
    owner: 'ada',
    spec: { tool: 'count' },
    createdAt: 1_000,
    retryOf: null,
    resumes: null,
    exclusive: false,
    queued: { at: 1_000, type: 'run:queued', json: '{}' },
    idempotency: null,
    ...given,
  }
}

export function line(text: string, at = 2_000): EventInput {
  return { at, type: 'output', json: JSON.stringify({ line: text }) }
}

export function completed(result: unknown = null, at = 9_000): Finish {
  return {
    state: 'completed',
    event: { at, type: 'complete', json: JSON.stringify({ result }) },
    result,
    error: null,
    usage: null,
  }
}

/** Creates a run, claims it and marks it running, at attempt 1. */
export async function runningRun(store: Store, given: Partial<NewRun> = {}): Promise<string> {
  const run = newRun(given)
  await store.createRun(run)
  await store.claim({ kind: run.kind, limit: 1000, node: 'here' })
  await store.markRunning(run.id, 1, { at: 3_000, type: 'run:started', json: '{}' })
  return run.id
}

export async function readAll(store: Store, id: string) {
  const page = await store.readAfter(id, { after: 0, maxBytes: 1e9 })
  return page?.events ?? []
}

export function newApproval(given: Partial<NewApproval> = {}): NewApproval {
  const id = given.id ?? randomUUID()
  const event = { at: 4_000, type: 'permission:requested', json: JSON.stringify({ approvalId: id }) }
  return { id, expiresAt: 60_000, event, ...given }
}

export function newMessage(given: Partial<NewMessage> = {}): NewMessage {
  const { id = randomUUID(), mode = 'queue', text = 'go on', user = 'ada' } = given
  const json = JSON.stringify({ messageId: id, mode, text, user })
  return {
    id,
    mode,
    text,
    user,
    waitingMax: 100,
    undeliveredBytesMax: 16_777_216,
    event: { at: 4_000, type: 'message:queued', json },
    ...given,
  }
}

/** A message with a file of each of these sizes. */
export function withFile(...sizes: number[]): NewMessage {
  const attachments = sizes.map((bytes, index): NewAttachment => {
    const about = { name: `${index}.txt`, mediaType: 'text/plain', bytes, sha256: 'ab' } as const
    return { ...about, data: Buffer.alloc(bytes, 'x').toString('base64') }
  })
  return newMessage({ attachments })
}

/** A new message as a store shows it. */
export function storedMessage({ id, mode, text, user, event }: NewMessage): Message {
  return { id, mode, text, user, at: event.at, state: 'waiting' }
}

/** Takes the message that starts the next turn, at attempt 1. */
export async function takeOne(store: Store, run: string): Promise<Message | undefined> {
  const { messages } = await store.takeMessages(run, 1, { want: 'turn', seal: false })
  if (messages.length > 1) throw new Error('one message starts a turn')
  return messages[0]
}

export function messageDelivered(messageId: string): EventInput {
  return { at: 6_000, type: 'message:delivered', json: JSON.stringify({ messageId }) }
}

export function messageWithdrawn(messageId: string): EventInput {
  return { at: 6_000, type: 'message:withdrawn', json: JSON.stringify({ messageId }) }
}

export function entry(text: string, subpath = ''): TranscriptEntry {
  return { conversation: 'c1', subpath, json: JSON.stringify({ text }) }
}

/** Reclaims all there is to reclaim. A store may take as many calls as it needs, but not for ever. */
export async function reclaimAll(store: Store): Promise<void> {
  for (let calls = 0; calls < 10_000; calls += 1) if (!(await store.reclaim()).more) return
  throw new Error('reclaim() says that there is more after 10,000 calls')
}

export function upTo(last: number, first = 1): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

/** Lets these refusals pass, which a race explains. */
export function expectCode(...codes: string[]): (error: unknown) => void {
  return (error) => {
    if (!codes.includes((error as { code?: string }).code ?? '')) throw error
  }
}
