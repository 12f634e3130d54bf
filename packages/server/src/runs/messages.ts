/**
 * What people say to the agents of runs: accepted and withdrawn here, taken by the run that works.
 *
 * Owns: which runs of this node listen, one listener for all their commits, and one timer, which exist only while one
 * listens. The store alone knows the messages and how far each has come: one may arrive at another node.
 * Invariants: a message is on disk before its sender has an answer; a commit is only a hint to look, and the next
 * sweep hints again.
 */
import { createHash, randomUUID } from 'node:crypto'
import {
  isFinal,
  type Message,
  type MessageDeliveredEvent,
  type MessageQueuedEvent,
  MillraceError,
  messageTypes,
  type Run,
  type SendMessageBody,
} from '@millrace/protocol'
import type { Principal } from '#auth/principal'
import type { Kind } from '#runners/kind'
import type { RunMessage, RunMessages } from '#runners/runner'
import {
  type Commit,
  type CommitFeed,
  type EventInput,
  type MessageStore,
  publicRun,
  type RunRecord,
} from '#store/store'
import { type Clock, monotonicClock } from '#time/clock'
import { readAttachments } from './attachments.ts'
import { toEventJson } from './clip.ts'

export interface MessagesParts {
  store: MessageStore & CommitFeed
  kinds: ReadonlyMap<string, Kind>
  eventBytes: number
  /** What the runs of one owner may take in the store. Absent: any number of bytes. */
  ownerBytesMax?: number | undefined
  now: () => number
  /** What the sweeps are timed by. */
  after?: Clock['after'] | undefined
  /** The run, if the principal may see it. */
  visible(id: string, principal: Principal): Promise<RunRecord>
}

/** How much the messages of one run may hold that its agent has not read. */
const limits = { waitingMax: 100, undeliveredBytesMax: 16 * 1024 ** 2 }
const sweepMs = 5000

export class Messages {
  readonly #parts: MessagesParts
  readonly #listening = new Map<string, () => void>()
  #stopWatching: (() => void) | null = null

  constructor(parts: MessagesParts) {
    this.#parts = parts
  }

  /** Accepts a message to the agent of an open run. Returns its id. */
  async send(runId: string, body: SendMessageBody, principal: Principal): Promise<string> {
    return (await this.sendOnce(runId, body, principal, undefined)).id
  }

  /**
   * As `send`. Where the sender repeats a key in the run, `accepted` is false and the message is the first one with it.
   * Fails with `idempotency_mismatch` where that says something else.
   */
  async sendOnce(
    runId: string,
    { text: given, mode = 'queue', attachments: files = [] }: SendMessageBody,
    principal: Principal,
    key: string | undefined,
  ): Promise<{ id: string; accepted: boolean }> {
    // No store keeps half of a surrogate pair: the message would differ from its event, and from itself when it is repeated.
    const text = given.toWellFormed()
    const run = await this.#parts.visible(runId, principal)
    const attachments = readAttachments(files)
    const { user } = principal
    const id = key === undefined ? randomUUID() : idOf([runId, user, key])
    const about = attachments.map(({ data: _data, ...rest }) => rest)
    const said = { id, text, mode, ...(about.length === 0 ? {} : { attachments: about }) }
    // The first one is answered for also when the run is over.
    if (key !== undefined && (await this.#isKnown(runId, said))) return { id, accepted: false }
    this.#checkListens(run)
    const { id: messageId, ...content } = said
    const data: MessageQueuedEvent = { messageId, ...content, user }
    const event = this.#event(messageTypes.queued, data)
    try {
      const { store, ownerBytesMax } = this.#parts
      await store.acceptMessage(runId, { ...said, user, ...limits, ownerBytesMax, attachments, event })
      return { id, accepted: true }
    } catch (error) {
      // Another request with the key may have been first.
      if (key !== undefined && (await this.#isKnown(runId, said))) return { id, accepted: false }
      throw error
    }
  }

  async #isKnown(
    runId: string,
    { id, text, mode, attachments }: Pick<Message, 'id' | 'text' | 'mode' | 'attachments'>,
  ): Promise<boolean> {
    const known = await this.#parts.store.getMessage(runId, id)
    if (known === null) return false
    const isSame = known.text === text && known.mode === mode
    if (isSame && JSON.stringify(known.attachments) === JSON.stringify(attachments)) return true
    throw new MillraceError('idempotency_mismatch', 'The idempotency key was used for another message')
  }

  /** Messages that are not delivered, oldest first. */
  async list(runId: string, principal: Principal): Promise<Message[]> {
    await this.#parts.visible(runId, principal)
    return this.#parts.store.undeliveredMessages(runId)
  }

  async get(runId: string, messageId: string, principal: Principal): Promise<Message> {
    await this.#parts.visible(runId, principal)
    const message = await this.#parts.store.getMessage(runId, messageId)
    if (message === null) throw new MillraceError('not_found', `No message ${messageId.slice(0, 64)}`)
    return message
  }

  /** Takes back a message that the agent has not taken yet. */
  async withdraw(runId: string, messageId: string, principal: Principal): Promise<Message> {
    const message = await this.get(runId, messageId, principal)
    const data: MessageDeliveredEvent = { messageId }
    await this.#parts.store.withdrawMessage(runId, messageId, this.#event(messageTypes.withdrawn, data))
    return { ...message, state: 'withdrawn' }
  }

  /** Lets an interactive session complete once its turn is over and no message waits. */
  async finish(run: RunRecord): Promise<Run> {
    this.#checkListens(run)
    if (run.spec.interactive !== true) {
      throw new MillraceError(
        'not_listening',
        'Only an interactive session can be finished; others end by themselves',
      )
    }
    return publicRun(await this.#parts.store.sealRun(run.id))
  }

  /** What the runner of an active run sees of its messages. `track` begins a write of that run. */
  of(run: RunRecord, track: (begin: () => Promise<void>) => Promise<void>): RunMessages {
    const { store } = this.#parts
    return {
      take: async (take) => {
        let taken: Awaited<ReturnType<RunMessages['take']>> = { messages: [], sealed: false }
        await track(async () => {
          const { messages, sealed } = await store.takeMessages(run.id, run.attempt, take)
          taken = {
            messages: await Promise.all(messages.map((one) => this.#withContents(run.id, one))),
            sealed,
          }
        })
        return taken
      },
      delivered: (messageId) => {
        const data: MessageDeliveredEvent = { messageId }
        const event = this.#event(messageTypes.delivered, data)
        return track(() => store.deliverMessage(run.id, run.attempt, messageId, event))
      },
      listen: (hint) => {
        this.#listening.set(run.id, hint)
        this.#stopWatching ??= this.#watch()
        return () => this.#deafen(run.id)
      },
    }
  }

  async #withContents(runId: string, { id, text, attachments }: Message): Promise<RunMessage> {
    if (attachments === undefined) return { id, text }
    const contents = await this.#parts.store.readAttachments(runId, id)
    return {
      id,
      text,
      attachments: attachments.map(({ name, mediaType }, index) => ({
        name,
        mediaType,
        data: contents[index] ?? '',
      })),
    }
  }

  #event(type: string, data: unknown): EventInput {
    return { at: this.#parts.now(), type, json: toEventJson(data, this.#parts.eventBytes) }
  }

  #checkListens(run: RunRecord): void {
    if (this.#parts.kinds.get(run.kind)?.listens !== true) {
      throw new MillraceError('not_listening', `A run of kind ${run.kind} takes no messages`)
    }
    if (isFinal(run.state)) throw new MillraceError('run_over', 'The run is already over')
  }

  #deafen(runId: string): void {
    this.#listening.delete(runId)
    if (this.#listening.size > 0) return
    this.#stopWatching?.()
    this.#stopWatching = null
  }

  #watch(): () => void {
    const { store, after = monotonicClock.after } = this.#parts
    const stopListening = store.onCommit((commit) => {
      if (mayMatter(commit)) this.#listening.get(commit.runId)?.()
    })
    let cancel: () => void
    const sweepLater = () => {
      cancel = after(sweepMs, () => {
        for (const hint of [...this.#listening.values()]) hint()
        sweepLater()
      })
    }
    sweepLater()
    return () => {
      stopListening()
      cancel()
    }
  }
}

/** A message arrived, or something changed that has no event, such as that the run is sealed. */
function mayMatter({ events }: Commit): boolean {
  return events.length === 0 || events.some(({ type }) => type === messageTypes.queued)
}

/** The same UUID (version 8) for the same words: what has one is found by it, and needs no index of its own. */
function idOf(words: readonly string[]): string {
  const hex = createHash('sha256').update(JSON.stringify(words)).digest('hex')
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16)
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}
