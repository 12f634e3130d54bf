/** The messages of one run without a store: the rules of the store, and a note of everything that happens. */
import { randomUUID } from 'node:crypto'
import type { AttachmentBody, Message, MessageMode } from '@millrace/protocol'
import type { RunMessage, RunMessages } from '#runners/runner'
import { deliverMessage, takeMessages, withdrawMessage } from '#store/rules/messages'
import { isRefusal } from '#store/rules/refusal'

export class Mailbox implements RunMessages {
  readonly messages: Message[] = []
  /** Ids in the order of their delivery. */
  readonly delivery: string[] = []
  /** What the agent asked for, in order. */
  readonly takes: string[] = []
  sealed = false
  /** Runs before each take is answered, as a store that takes its time. */
  beforeTake: () => Promise<void> = async () => {}
  onDelivered: (id: string) => void = () => {}
  readonly #attached = new Map<string, readonly AttachmentBody[]>()
  #hint: () => void = () => {}

  say(text: string, mode: MessageMode = 'queue', attachments?: readonly AttachmentBody[]): string {
    if (this.sealed) throw new Error('the run takes no more messages')
    const id = randomUUID()
    this.messages.push({ id, text, mode, user: 'ann', at: 0, state: 'waiting' })
    if (attachments !== undefined) this.#attached.set(id, attachments)
    this.#hint()
    return id
  }

  withdraw(id: string): boolean {
    const message = this.messages.find((one) => one.id === id)
    if (message === undefined || isRefusal(withdrawMessage(this.#run, message))) return false
    message.state = 'withdrawn'
    return true
  }

  finish(): void {
    this.sealed = true
    this.#hint()
  }

  async take(take: Parameters<RunMessages['take']>[0]) {
    this.takes.push(`${take.want}${take.seal ? ' or end' : ''}`)
    await this.beforeTake()
    const waiting = this.messages.filter(({ state }) => state === 'waiting')
    const decided = takeMessages(this.#run, 1, take, waiting)
    if (isRefusal(decided)) throw new Error(decided.message)
    for (const message of decided.taken) message.state = 'taken'
    this.sealed ||= decided.seals
    const messages: RunMessage[] = decided.taken.map(({ id, text }) => {
      const attachments = this.#attached.get(id)
      return { id, text, ...(attachments === undefined ? {} : { attachments }) }
    })
    return { messages, sealed: this.sealed && waiting.length === messages.length }
  }

  async delivered(id: string): Promise<void> {
    const message = this.messages.find((one) => one.id === id)
    const run = deliverMessage(this.#run, 1, message)
    if (run === null || message === undefined) return
    if (isRefusal(run)) throw new Error(run.message)
    message.state = 'delivered'
    this.delivery.push(id)
    this.onDelivered(id)
  }

  listen(hint: () => void): () => void {
    this.#hint = hint
    return () => {
      this.#hint = () => {}
    }
  }

  get #run() {
    return { closed: false, attempt: 1, sealed: this.sealed }
  }
}
