/**
 * Keeps every tab of this browser up to date over one connection.
 *
 * The leading tab owns the stream of changes and the reading of questions; all tabs, the leader included, learn of both from
 * the channel alone, so that there is one way for everything. A tab that opens later asks for what it missed.
 * Invariant: between two growths of `generation` a tab receives every change, in order.
 */
import { ClientError, type Connection, call } from '@millrace/client'
import { isFinal, type OpenApprovalsResponse, type OpenQuestion, type Run } from '@millrace/protocol'
import { changesOf, type RunChange } from './changes.ts'
import { electLeader } from './leader.ts'
import { announceChange, type LiveStatus, useLive } from './live-store.ts'
import { paced } from './paced.ts'

type Message =
  | { type: 'change'; change: RunChange }
  | { type: 'status'; status: LiveStatus }
  | { type: 'questions'; questions: readonly OpenQuestion[] }
  /** Changes may have been missed. */
  | { type: 'renewed' }
  /** A tab has opened: the leader says again how things stand. */
  | { type: 'hello' }
  /** A question was answered in one of the tabs. */
  | { type: 'look' }

const questionsMs = 1000
const backoffMs = { first: 500, most: 15_000 }

/** Begins to keep this tab up to date, with all tabs that use the same `name`. Returns what ends that. */
export function goLive(connection: Connection, name: string): () => void {
  const leave = new AbortController()
  const channel = openChannel(name, (message) => receive(message))
  let leader: Leader | null = null

  const receive = (message: Message) => {
    switch (message.type) {
      case 'change':
        announceChange(message.change)
        break
      case 'status':
        useLive.setState({ status: message.status })
        break
      case 'questions':
        useLive.setState({ questions: message.questions })
        break
      case 'renewed':
        useLive.setState(({ generation }) => ({ generation: generation + 1 }))
        break
      case 'hello':
        leader?.greet()
        break
      case 'look':
        leader?.look()
        break
      default:
        message satisfies never
    }
  }
  const tell = (message: Message) => {
    channel.post(message)
    receive(message)
  }
  electLeader(
    `millrace ${name}`,
    async (signal) => {
      leader = new Leader(connection, tell, signal)
      await leader.lead()
    },
    leave.signal,
  )
  channel.post({ type: 'hello' })
  lookNow = () => tell({ type: 'look' })
  return () => {
    leave.abort()
    channel.close()
  }
}

let lookNow = () => {}

/** Reads the questions again: one was answered. */
export function lookAgain(): void {
  lookNow()
}

interface Channel {
  post(message: Message): void
  close(): void
}

/** To the other tabs of this browser that show the same server to the same user. */
function openChannel(name: string, onMessage: (message: Message) => void): Channel {
  if (globalThis.BroadcastChannel === undefined) return { post: () => {}, close: () => {} }
  const channel = new BroadcastChannel(`millrace ${name}`)
  channel.onmessage = ({ data }) => onMessage(data as Message)
  return { post: (message) => channel.postMessage(message), close: () => channel.close() }
}

class Leader {
  readonly look: () => void
  readonly #connection: Connection
  readonly #tell: (message: Message) => void
  readonly #signal: AbortSignal
  /** Aborts when the user is signed out. */
  readonly #out = new AbortController()
  #status: LiveStatus = 'connecting'
  #questions: readonly OpenQuestion[] = []

  constructor(connection: Connection, tell: (message: Message) => void, signal: AbortSignal) {
    this.#connection = connection
    this.#tell = tell
    this.#signal = AbortSignal.any([signal, this.#out.signal])
    this.look = paced(() => this.#readQuestions(), questionsMs, this.#signal)
  }

  greet(): void {
    this.#tell({ type: 'status', status: this.#status })
    this.#tell({ type: 'questions', questions: this.#questions })
  }

  /** Follows the server until the tab closes or its user is signed out. */
  async lead(): Promise<void> {
    let failed = 0
    while (!this.#signal.aborted) {
      try {
        await this.#follow(() => {
          failed = 0
        })
      } catch (error) {
        this.#checkSignedIn(error)
      }
      if (this.#signal.aborted) return
      this.#become('reconnecting')
      failed += 1
      const bound = Math.min(backoffMs.first * 2 ** (failed - 1), backoffMs.most)
      await pause(bound / 2 + (Math.random() * bound) / 2, this.#signal)
    }
  }

  async #follow(onOpen: () => void): Promise<void> {
    // A guest may open the stream, too, and would hear nothing.
    await this.#readQuestions()
    if (this.#signal.aborted) return
    const changes = changesOf(this.#connection, {
      signal: this.#signal,
      onOpen: () => {
        onOpen()
        this.#become('open')
        this.#tell({ type: 'renewed' })
        this.look()
      },
    })
    for await (const change of changes) {
      this.#tell({ type: 'change', change })
      if (mayAsk(change.run) || this.#asks(change.run.id)) this.look()
    }
  }

  async #readQuestions(): Promise<void> {
    const path = '/api/approvals'
    const signal = this.#signal
    try {
      const { approvals } = await call<OpenApprovalsResponse>(this.#connection, { path, signal })
      if (JSON.stringify(approvals) === JSON.stringify(this.#questions)) return
      this.#questions = approvals
      this.#tell({ type: 'questions', questions: approvals })
    } catch (error) {
      this.#checkSignedIn(error)
      throw error
    }
  }

  /** A leader whose user is signed out leads no longer. */
  #checkSignedIn(error: unknown): void {
    if (!(error instanceof ClientError) || error.status !== 401) return
    this.#become('signed-out')
    this.#out.abort()
  }

  #asks(runId: string): boolean {
    return this.#questions.some((question) => question.runId === runId)
  }

  #become(status: LiveStatus): void {
    if (status === this.#status) return
    this.#status = status
    this.#tell({ type: 'status', status })
  }
}

function mayAsk({ kind, state }: Run): boolean {
  return (kind === 'session' || kind === 'execution') && !isFinal(state)
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}
