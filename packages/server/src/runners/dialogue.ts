/**
 * What people say to the agent of one run, between the run's messages and an engine that asks for them.
 *
 * Owns: the messages that were taken and not handed to the engine, and the wait of an interactive session.
 * Invariants: a message is handed out once, and not at all if the conversation that the run resumes has it; an agent
 * that receives null has sealed its run; a turn is cut only once the message that interrupts it is taken. Of several
 * messages that interrupt, each cuts the turn that the one before began.
 */
import { idleType, type SessionIdleEvent } from '@millrace/protocol'
import type { AgentMessage, Dialogue, LiveAgent } from '#agents/agent'
import type { Clock } from '#time/clock'
import type { RunContext, TranscriptEntry } from './runner.ts'

export interface RunDialogueParts {
  context: Pick<RunContext, 'messages' | 'signal' | 'emit'>
  /** The conversation that the run resumes. */
  transcript: readonly TranscriptEntry[]
  /** How long it waits for a message when a turn is over; null: it does not. */
  idleMs: number | null
  /** Measures the wait. */
  clock: Clock
  /** Milliseconds since the epoch, for people. */
  now(): number
}

export class RunDialogue implements Dialogue {
  readonly #parts: RunDialogueParts
  readonly #stopListening: () => void
  #agent: Pick<LiveAgent, 'interrupt'> | null = null
  /** Interrupts whose turns have not begun. */
  #ready: AgentMessage[] = []
  #inTurn = true
  /** There may be something to take. True at first: messages may have arrived before the run began. */
  #hinted = true
  #cutting: Promise<void> | null = null
  /** A hint arrived while an interrupt was looked for. */
  #lookAgain = false
  #wake: () => void = () => {}
  readonly #closing = new AbortController()

  constructor(parts: RunDialogueParts) {
    this.#parts = parts
    this.#stopListening = parts.context.messages.listen(() => this.#hint())
  }

  /** From here on a message may interrupt the agent. */
  attach(agent: Pick<LiveAgent, 'interrupt'>): void {
    this.#agent = agent
    this.#cut()
  }

  /** The agent has ended, whether or not it asks for a message. */
  close(): void {
    this.#agent = null
    this.#stopListening()
    this.#closing.abort(new Error('the agent has ended'))
  }

  async nextTurn(): Promise<AgentMessage | null> {
    this.#inTurn = false
    await this.#cutting
    const next = this.#ready.shift() ?? (await this.#take())
    this.#inTurn = true
    // One that arrived meanwhile may interrupt the turn that begins.
    if (next !== null) this.#cut()
    return next
  }

  async joining(): Promise<AgentMessage[]> {
    if (!this.#hinted) return []
    this.#hinted = false
    const { messages } = await this.#parts.context.messages.take({ want: 'joining', seal: false })
    return this.#withoutKnown(messages)
  }

  delivered(messageId: string): Promise<void> {
    return this.#parts.context.messages.delivered(messageId)
  }

  async #take(): Promise<AgentMessage | null> {
    const { context, idleMs } = this.#parts
    let until: number | null = null
    for (let isLate = false; ; ) {
      context.signal.throwIfAborted()
      this.#hinted = false
      const { messages, sealed } = await context.messages.take({
        want: 'turn',
        seal: idleMs === null || isLate,
      })
      const [next] = this.#withoutKnown(messages)
      if (next !== undefined) return next
      if (messages.length > 0) continue
      if (sealed || idleMs === null) return null
      until ??= this.#beginIdling(idleMs)
      isLate = await this.#hintBefore(until)
    }
  }

  /** Returns when the wait ends, by the clock that measures it. */
  #beginIdling(idleMs: number): number {
    const { context, clock, now } = this.#parts
    const data: SessionIdleEvent = { until: now() + idleMs }
    void context.emit([{ type: idleType, data }]).catch(() => {})
    return clock.now() + idleMs
  }

  /** Resolves at the next hint, or with true at `until`. Rejects when the run is to end. */
  async #hintBefore(until: number): Promise<boolean> {
    const { context, clock } = this.#parts
    const { promise, resolve, reject } = Promise.withResolvers<boolean>()
    const ended = AbortSignal.any([context.signal, this.#closing.signal])
    const abort = () => reject(ended.reason)
    ended.addEventListener('abort', abort)
    if (ended.aborted) abort()
    const callOff = clock.after(Math.max(0, until - clock.now()), () => resolve(true))
    this.#wake = () => resolve(false)
    if (this.#hinted) resolve(false)
    try {
      return await promise
    } finally {
      this.#wake = () => {}
      callOff()
      ended.removeEventListener('abort', abort)
    }
  }

  #hint(): void {
    this.#hinted = true
    this.#wake()
    this.#cut()
  }

  /** Takes a message that interrupts, and then ends the turn. */
  #cut(): void {
    if (!this.#inTurn || this.#agent?.interrupt === undefined) return
    this.#lookAgain = true
    this.#cutting ??= this.#takeInterrupts()
      // The failed write has ended the run.
      .catch(() => {})
      .finally(() => {
        this.#cutting = null
        // A hint may have arrived since the last look.
        if (this.#looks) this.#cut()
      })
  }

  /** The next interrupt, if there is one, cuts the turn at work: it has not been cut. */
  get #looks(): boolean {
    return this.#lookAgain && this.#inTurn && this.#ready.length === 0
  }

  async #takeInterrupts(): Promise<void> {
    while (this.#looks) {
      this.#lookAgain = false
      const { messages } = await this.#parts.context.messages.take({ want: 'interrupt', seal: false })
      const fresh = this.#withoutKnown(messages)
      this.#ready.push(...fresh)
      if (fresh.length > 0 && this.#inTurn) this.#agent?.interrupt?.()
    }
  }

  /**
   * A crash may come between the entry of the transcript and the mark of the message. Such a message is marked now,
   * and the agent, which knows it, does not get it again.
   */
  #withoutKnown(messages: readonly AgentMessage[]): AgentMessage[] {
    const { transcript } = this.#parts
    return messages.filter(({ id }) => {
      const isKnown = transcript.some(({ json }) => json.includes(id))
      if (isKnown) void this.delivered(id).catch(() => {})
      return !isKnown
    })
  }
}
