/**
 * What nodes say to each other beside the store: news, and questions that one node answers.
 *
 * Owns the questions of this node that wait for an answer, each with its timer. Nothing said here is a truth: a letter may be
 * lost, and nobody waits for one for long.
 */
import { randomUUID } from 'node:crypto'
import { type ErrorCode, errorTable, MillraceError, messageOf } from '@millrace/protocol'
import type { SharedStore } from '#store/store'
import type { Clock } from '#time/clock'

export interface PostParts {
  shared: Pick<SharedStore, 'post' | 'onLetter' | 'nodes'>
  after: Clock['after']
  onFailure: (error: unknown) => void
  /** How long an answer may take. */
  answerMs?: number
}

/** What a listener returns, or resolves with, is the answer to a question; a MillraceError refuses it. */
type Listener = (data: unknown) => unknown

interface Waiting {
  resolve(answer: unknown): void
  reject(error: Error): void
}

/** As it travels. Null stands for what JSON has no word for. */
interface Envelope {
  topic: string
  data: unknown
  /** Set on a question, and on its answer. */
  question?: string
}

interface Refusal {
  code: ErrorCode
  message: string
  retryAfter?: number | undefined
}

const answerMs = 2000
const answerTopic = 'answer'
const refusalTopic = 'refusal'

export class Post {
  readonly #parts: PostParts
  readonly #listeners = new Map<string, Listener>()
  readonly #waiting = new Map<string, Waiting>()
  readonly #stop: () => void

  constructor(parts: PostParts) {
    this.#parts = parts
    this.#stop = parts.shared.onLetter(({ from, text }) => void this.#open(from, text))
  }

  /** Listens to a topic; one listener each. */
  on(topic: string, listener: Listener): void {
    this.#listeners.set(topic, listener)
  }

  /** Tells all other nodes. What `JSON.stringify` throws is thrown. */
  tell(topic: string, data: unknown): void {
    void this.#send(null, { topic, data })
  }

  /**
   * Asks one node, and resolves with its answer. Fails as its listener did, or with `not_found` when the node is not
   * there, or does not answer in time.
   */
  async ask(node: string, topic: string, data: unknown): Promise<unknown> {
    const question = randomUUID()
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    // A refusal may arrive before the sending is known to have succeeded, when nothing awaits it yet.
    promise.catch(() => {})
    const cancel = this.#parts.after(this.#parts.answerMs ?? answerMs, () => reject(noAnswer()))
    this.#waiting.set(question, { resolve, reject })
    try {
      await this.#send(node, { topic, data, question })
      return await promise
    } finally {
      cancel()
      this.#waiting.delete(question)
    }
  }

  close(): void {
    this.#stop()
    for (const { reject } of this.#waiting.values()) reject(noAnswer())
  }

  #send(to: string | null, envelope: Envelope): Promise<void> {
    return this.#parts.shared.post(to, JSON.stringify(envelope))
  }

  async #open(from: string, text: string): Promise<void> {
    try {
      const { topic, data, question } = JSON.parse(text) as Envelope
      if (question !== undefined && (topic === answerTopic || topic === refusalTopic)) {
        const waiting = this.#waiting.get(question)
        if (topic === answerTopic) waiting?.resolve(data)
        else waiting?.reject(refused(data as Refusal))
        return
      }
      // A newer version may say what this one does not know.
      const listener = this.#listeners.get(topic)
      if (listener === undefined) return
      if (question === undefined) await listener(data)
      else await this.#send(from, { ...(await answerOf(listener, data)), question })
    } catch (error) {
      this.#parts.onFailure(error)
    }
  }
}

async function answerOf(listener: Listener, data: unknown): Promise<Envelope> {
  try {
    return { topic: answerTopic, data: (await listener(data)) ?? null }
  } catch (error) {
    const known = error instanceof MillraceError
    const { code, retryAfter } = known ? error : { code: 'internal' as const, retryAfter: undefined }
    const refusal: Refusal = { code, message: messageOf(error), retryAfter }
    return { topic: refusalTopic, data: refusal }
  }
}

function refused({ code, message, retryAfter }: Refusal): MillraceError {
  const known = Object.hasOwn(errorTable, code) ? code : 'internal'
  return new MillraceError(known, message, retryAfter === undefined ? {} : { retryAfter })
}

function noAnswer(): MillraceError {
  return new MillraceError('not_found', 'The other node does not answer')
}
