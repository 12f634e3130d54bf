/**
 * The turns of one agent: its prompt, the messages that start later turns or join the running one, and interrupts.
 *
 *     Dialogue ─ nextTurn, joining ─▶ Turns ─ input ─▶ SDK ─▶ process
 *     process ─ receipts, results ─▶ Turns        process ─ transcript ─▶ Turns ─ delivered ─▶ Dialogue
 *
 * Owns: what the process reads, and the messages it was given and has not put into its transcript.
 * Invariants: a message is given to the process once; it counts as delivered in the commit that stores the entry of the
 * transcript which has it, so that a later run that resumes the conversation has it exactly once; the agent ends after
 * the first result that no message follows.
 */

import type { HookCallback, Query, SDKMessage, SDKUserMessage } from '@anthropic-ai/claude-agent-sdk'
import type { AttachmentBody } from '@millrace/protocol'
import type { AgentMessage, AgentTask, Dialogue } from '#agents/agent'
import { namedText } from '#agents/attachments'
import type { TranscriptEntry } from '#runners/runner'
import type { Clock } from '#time/clock'

/** How long a call of the agent waits for the process to have read what joins its turn. */
const joinMsMax = 2000

type Block = Exclude<SDKUserMessage['message']['content'], string>[number]
type ImageType = 'image/png' | 'image/jpeg' | 'image/gif' | 'image/webp'
type Receipt = { command_uuid?: unknown; state?: unknown }
type Uuid = NonNullable<SDKUserMessage['uuid']>

export class Turns {
  readonly input = new Input()
  readonly #dialogue: Dialogue
  readonly #clock: Pick<Clock, 'after'>
  /** Given to the process, and not in its transcript yet. */
  readonly #unkept = new Set<string>()
  /** Given to the process to join a turn, which has not happened yet. */
  readonly #joining = new Set<string>()
  /** Given to the process, which has not said yet that it has read them. */
  readonly #unread = new Map<string, () => void>()
  /** The message whose turn runs, or is about to begin; null for the prompt. */
  #current: string | null = null
  /** The turn of `current` has begun. An interrupt that the process reads before cuts nothing. */
  #hasBegun = false
  /** Aborted when a message is to cut the turn. */
  #turn = new AbortController()
  readonly #cut = Promise.withResolvers<void>()

  constructor(
    { prompt, woken = null }: Pick<AgentTask, 'prompt' | 'woken'>,
    dialogue: Dialogue,
    clock: Pick<Clock, 'after'>,
  ) {
    this.#dialogue = dialogue
    this.#clock = clock
    // A conversation that is woken continues by itself, with the call that was put off.
    if (woken === null) this.input.push(userMessage({ text: prompt }))
  }

  /** For the SDK, which calls it after the tools of one answer have run, before the model is asked again. Never throws. */
  readonly join: HookCallback = async (input) => {
    if (input.hook_event_name !== 'PostToolBatch' || input.agent_id !== undefined) return {}
    try {
      const messages = await this.#dialogue.joining()
      await Promise.all(messages.map((message) => this.#give(message, 'next')))
    } catch {
      // The run is to end.
    }
    return {}
  }

  /** Takes in a receipt: what the process says about a message that it was given. */
  heard(message: SDKMessage, query: Pick<Query, 'interrupt'>): void {
    if (message.type === 'system' && message.subtype === 'init') this.#begins(query)
    if ((message.type as string) !== 'command_lifecycle') return
    const { command_uuid: uuid, state } = message as Receipt
    if (typeof uuid !== 'string') return
    this.#unread.get(uuid)?.()
    if (state === 'queued') return
    this.#joining.delete(uuid)
    if (uuid !== this.#current || state !== 'started') return
    this.#hasBegun = true
    // An interrupt that the process read before it began the turn has cut nothing.
    if (this.isCutting) this.#interrupt(query)
  }

  /**
   * The turn of the prompt begins. A conversation that is woken makes its call before: the process would take an interrupt in
   * between, and never begin the turn.
   */
  #begins(query: Pick<Query, 'interrupt'>): void {
    if (this.#hasBegun || this.#current !== null) return
    this.#hasBegun = true
    if (this.isCutting) this.#interrupt(query)
  }

  /** Takes in what was added to the transcript, in the same tick as it is stored. */
  kept(entries: readonly TranscriptEntry[]): void {
    if (this.#unkept.size === 0) return
    for (const { json } of entries) {
      for (const id of this.#unkept) {
        if (!json.includes(id) || !isMessage(json, id)) continue
        this.#unkept.delete(id)
        void this.#dialogue.delivered(id).catch(() => {})
      }
    }
  }

  /**
   * Begins the next turn after a result; resolves with false if the agent is to end. `completed`: the result is one to
   * end with. Any other ends the agent, unless an interrupt brought it about.
   */
  async next(completed: boolean): Promise<boolean> {
    const wasCut = this.isCutting
    if (wasCut) this.#turn = new AbortController()
    if (!completed && !wasCut) return false
    // What missed its turn begins the next one by itself.
    if (this.#joining.size > 0) return true
    const message = await this.#dialogue.nextTurn()
    if (message === null) return false
    this.#current = message.id
    this.#hasBegun = false
    void this.#give(message)
    return true
  }

  interrupt(query: Pick<Query, 'interrupt'>): void {
    this.#turn.abort()
    this.#cut.resolve()
    if (this.#hasBegun) this.#interrupt(query)
  }

  /** A message is to cut the turn. */
  get isCutting(): boolean {
    return this.signal.aborted
  }

  /** Of the running turn: aborted when a message is to cut it. */
  get signal(): AbortSignal {
    return this.#turn.signal
  }

  /** Resolves when a message cuts a turn for the first time. */
  get cut(): Promise<void> {
    return this.#cut.promise
  }

  /** The process is given nothing more. */
  close(): void {
    this.input.close()
    for (const read of this.#unread.values()) read()
  }

  #interrupt(query: Pick<Query, 'interrupt'>): void {
    // It fails with the process, whose end is noticed elsewhere.
    query.interrupt().catch(() => {})
  }

  /** Resolves when the process says that it has read the message, or after a bounded time. */
  async #give({ id, ...said }: AgentMessage, priority?: 'next'): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#unkept.add(id)
    if (priority === 'next') this.#joining.add(id)
    this.#unread.set(id, resolve)
    this.input.push({ ...userMessage(said), uuid: id as Uuid, ...(priority && { priority }) })
    const callOff = this.#clock.after(joinMsMax, resolve)
    await promise
    callOff()
    this.#unread.delete(id)
  }
}

/** What the process reads: ends when it is closed, not when it is empty. */
class Input implements AsyncIterable<SDKUserMessage> {
  readonly #messages: SDKUserMessage[] = []
  #closed = false
  #wake: () => void = () => {}

  push(message: SDKUserMessage): void {
    this.#messages.push(message)
    this.#wake()
  }

  close(): void {
    this.#closed = true
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<SDKUserMessage> {
    while (!this.#closed) {
      const message = this.#messages.shift()
      if (message !== undefined) yield message
      else {
        const { promise, resolve } = Promise.withResolvers<void>()
        this.#wake = resolve
        await promise
      }
    }
  }
}

function userMessage({ text, attachments = [] }: Omit<AgentMessage, 'id'>): SDKUserMessage {
  return {
    type: 'user',
    session_id: '',
    message: { role: 'user', content: [{ type: 'text', text }, ...attachments.map(blockOf)] },
    parent_tool_use_id: null,
  }
}

function blockOf(attachment: AttachmentBody): Block {
  const { data, mediaType, name } = attachment
  const text = namedText(attachment)
  if (text !== null) return { type: 'text', text }
  return mediaType === 'application/pdf'
    ? { type: 'document', source: { type: 'base64', media_type: mediaType, data }, title: name }
    : { type: 'image', source: { type: 'base64', media_type: mediaType as ImageType, data } }
}

/** Whether an entry of the transcript is this message: as the beginning of a turn, or as an addition to one. */
function isMessage(json: string, id: string): boolean {
  const { uuid, attachment } = JSON.parse(json) as { uuid?: unknown; attachment?: { source_uuid?: unknown } }
  return uuid === id || attachment?.source_uuid === id
}
