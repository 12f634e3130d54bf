/**
 * One agent that speaks the Agent Client Protocol, from its process to its end.
 *
 *     prompt ─▶ SDK ─▶ Wire ─▶ process ─▶ Wire ─┬─ updates ─▶ AcpAgent ─▶ Journal ─▶ log
 *                                               └─ answers, questions ─▶ SDK ─▶ AcpAgent ─▶ Gate ─▶ policy, people
 *
 * Owns: the process, the connection, the watchdog, the gateway. All are gone once `ended` has settled.
 * Invariants: the first cause of an end is the only one; a process that answers a cancelled prompt has time to store its
 * conversation; a question that is open when a turn is cut is answered as cancelled; nothing is logged after `ended`.
 */
import type { ClientConnection } from '@agentclientprotocol/sdk'
import { messageOf, permissionTypes } from '@millrace/protocol'
import type { ProcessExit, ProcessLimits, SandboxedProcess } from '@millrace/sandbox'
import {
  type AgentEnd,
  type AgentHost,
  type AgentMessage,
  type AgentTask,
  failed,
  type LiveAgent,
} from '#agents/agent'
import { Watchdog } from '#agents/watchdog'
import type { AgentEntry } from '#config/config'
import { graceMs as usualGraceMs } from '#runners/grace'
import type { Clock } from '#time/clock'
import { Calls } from './calls.ts'
import { type Conversation, entryOf, promptOf } from './conversation.ts'
import { type Cause, causeOf, describeEnd } from './end.ts'
import { Journal } from './journal.ts'
import { type JsonRecord, recordOf } from './lines.ts'
import { type Opened, openConversation } from './opening.ts'
import { answerForm, answerPermission } from './permissions.ts'
import { startProcess } from './process.ts'
import { refusalOf } from './refusal.ts'
import type { AcpSdk } from './sdk.ts'
import { StderrTail } from './stderr-tail.ts'
import { Wire } from './wire.ts'

export interface AcpAgentParts {
  task: AgentTask
  host: AgentHost
  entry: AgentEntry
  resumes: Conversation | null
  environment: Readonly<Record<string, string>>
  limits: ProcessLimits
  gateway: { url: string; token: string; close(): Promise<void> } | null
  sdk: AcpSdk
  clock: Clock
  version: string
  /** Takes what only the agent and the server know out of a text. */
  withoutSecrets(text: string): string
  /** The same, and what looks like a secret, for a text that people read. */
  redact(text: string): string
}

/** From the start of the process to its first prompt. */
const openingMs = 60_000
/** How long a cancelled prompt may stay unanswered. */
const cancelMs = 3000
/** How long a process that has done its work may stay. */
const settleMs = 2000
/** From SIGTERM to SIGKILL: agents store their conversation meanwhile. */
const termMs = 3000
const stallSeconds = 600
const quotedCharsMax = 300

export class AcpAgent implements LiveAgent {
  readonly ended: Promise<AgentEnd>
  readonly #parts: AcpAgentParts
  readonly #journal: Journal
  readonly #watchdog: Watchdog
  readonly #calls: Calls
  readonly #stderr = new StderrTail()
  /** Rejects when there is a cause to end. */
  readonly #over = Promise.withResolvers<never>()
  #cause: Cause | null = null
  #process: SandboxedProcess | null = null
  #exit: ProcessExit | null = null
  #connection: ClientConnection | null = null
  #conversation: Conversation | null = null
  /** The answer to the running turn. */
  #turn: Promise<unknown> | null = null
  /** Cuts the running turn, or the next one where none runs: its open questions are answered as cancelled. */
  #cutting = new AbortController()
  #isReplay = false
  #isResumable = false
  #turns = 0
  #forms = 0
  #takes: ReadonlySet<string> = new Set()
  #stopReason = ''
  #interrupted = false

  constructor(parts: AcpAgentParts) {
    this.#parts = parts
    const { host, clock, entry } = parts
    this.#over.promise.catch(() => {})
    this.#journal = new Journal(host)
    const silenceSeconds = entry.stallSeconds ?? stallSeconds
    this.#watchdog = new Watchdog({
      clock,
      silenceMs: silenceSeconds * 1000,
      stalled: () =>
        this.fail('stalled', `The agent said nothing for ${silenceSeconds} seconds and was ended`),
    })
    this.#calls = new Calls({
      began: (id) => this.#watchdog.began(id),
      ended: (id) => {
        this.#watchdog.ended(id)
        host.gate.forget(id)
      },
    })
    host.gate.listener = {
      denied: (event) => this.#journal.emit(permissionTypes.denied, event),
      asking: (waits) => this.#watchdog.asking(waits),
    }
    this.ended = this.#live()
  }

  /** Ends the agent for a reason of its kind. `reason` is one word, `error` for a person. */
  fail(reason: string, error: string): void {
    this.#end({ kind: 'failed', reason, error })
  }

  cancel(graceMs: number): void {
    this.#end({ kind: 'cancelled', graceMs })
    // This includes an agent that has done its work, while its process is still alive.
    if (this.#cause?.kind !== 'cancelled') void this.#process?.end(graceMs)
  }

  interrupt(): void {
    this.#cutting.abort()
    if (this.#turn !== null) this.#notifyCancel()
  }

  async #live(): Promise<AgentEnd> {
    const { entry, host, gateway } = this.#parts
    try {
      this.#process = await startProcess({ ...this.#parts, sandbox: host.sandbox })
    } catch (error) {
      this.#watchdog.stop()
      await gateway?.close()
      const code = (error as { code?: unknown }).code
      return failed(code === 'not_resumable' ? code : 'not_started', `Could not start: ${messageOf(error)}`)
    }
    try {
      this.#attend(this.#process)
      const opened = await this.#open()
      const { conversationId, how, mode, agentInfo } = opened
      const about = { agent: entry.name, sessionId: conversationId, how, mode, agentInfo }
      this.#journal.emit('acp:session', { ...about, cwd: this.#parts.task.cwd })
      await this.#converse(opened.conversationId)
      this.#end({ kind: 'done' })
    } catch (error) {
      this.#end(causeOf(error, { turns: this.#turns, lastWords: this.#lastWords() }))
    }
    await this.#leave(this.#process)
    return this.#describeEnd()
  }

  #attend(process: SandboxedProcess): void {
    const { host, entry, sdk, task } = this.#parts
    void host.recordProcess({ pid: process.pid, startTime: process.startTime }).catch(() => {})
    const model = task.model === undefined ? {} : { model: task.model }
    void host.started({ boundary: host.sandbox.report.boundary, agent: entry.name, ...model }).catch(() => {})
    this.#stderr.read(process.stderr)
    const wire = new Wire({
      process,
      update: (params, chars) => this.#take(params, chars),
      answered: (answer) => this.#journal.turnEnded(answer),
      heard: () => this.#watchdog.heard(),
      redact: (line) => this.#parts.withoutSecrets(line),
      stray: (line) => this.#journal.stray(this.#quote(line)),
      broken: (what) => this.fail('protocol_error', `The agent wrote ${what}, and was ended`),
      room: () => this.#journal.room() ?? host.gate.room(),
    })
    const client = sdk
      .client({ name: 'millrace' })
      .onRequest(sdk.methods.client.session.requestPermission, asRecord, ({ params }) => this.#answer(params))
    if (task.questions)
      client.onRequest(sdk.methods.client.elicitation.create, asRecord, ({ params }) => {
        this.#forms += 1
        return answerForm(params, { gate: host.gate, cut: this.#cut, number: this.#forms, sdk })
      })
    this.#connection = client.connect(wire.stream)
    void process.exited.then((exit) => {
      this.#exit = exit
      this.#end({ kind: 'gone', thrown: null })
      wire.cut()
    })
  }

  async #open(): Promise<Opened> {
    const { task, entry, resumes, clock, version } = this.#parts
    const stop = clock.after(openingMs, () =>
      this.fail(
        'not_started',
        `The agent was not ready within ${openingMs / 1000} seconds${this.#lastWords()}`,
      ),
    )
    try {
      const opened = await openConversation({
        entry,
        cwd: task.cwd,
        model: task.model,
        questions: task.questions === true,
        resumes,
        version,
        ask: (method, params) => this.#unlessOver(this.#request(method, params)),
        replaying: (isReplay) => {
          this.#isReplay = isReplay
        },
      })
      this.#conversation = { id: opened.conversationId, home: task.runId }
      this.#isResumable = opened.resumable
      this.#takes = opened.takes
      this.#keep()
      return opened
    } finally {
      stop()
    }
  }

  async #converse(sessionId: string): Promise<void> {
    let message: AgentMessage | null = null
    do {
      await this.#prompt(sessionId, message)
      message = await this.#nextTurn()
    } while (message !== null)
  }

  /** Without a message, the task's own prompt. */
  async #prompt(sessionId: string, message: AgentMessage | null): Promise<void> {
    const { task, host } = this.#parts
    this.#turns += 1
    this.#journal.turnBegan()
    const { prompt, leftOut } = promptOf(message ?? { text: task.prompt }, this.#takes)
    for (const { name, mediaType } of leftOut)
      this.#journal.emit('acp:attachment_left_out', { messageId: message?.id, name, mediaType })
    const answer = this.#request('session/prompt', { sessionId, prompt })
    this.#turn = answer.catch(() => {})
    if (this.#cutting.signal.aborted) this.#notifyCancel()
    if (message !== null) {
      this.#keep(message.id)
      void host.dialogue.delivered(message.id).catch(() => {})
    }
    const { stopReason } = await this.#unlessOver(answer)
    this.#turn = null
    this.#interrupted = this.#cutting.signal.aborted
    this.#stopReason = typeof stopReason === 'string' ? stopReason.slice(0, 64) : ''
    this.#calls.endAll()
  }

  /** Of a run without a transcript the store says that it cannot be resumed. */
  #keep(messageId?: string): void {
    const { host, entry } = this.#parts
    if (this.#conversation === null || !this.#isResumable) return
    void host.appendTranscript([entryOf(this.#conversation, entry.name, messageId)]).catch(() => {})
  }

  /** People may take their time: silence is no fault meanwhile. */
  async #nextTurn(): Promise<AgentMessage | null> {
    this.#watchdog.asking(true)
    try {
      const next = this.#parts.host.dialogue.nextTurn()
      // From now on an interrupt is about the turn that the message begins.
      this.#cutting = new AbortController()
      return await this.#unlessOver(next)
    } finally {
      this.#watchdog.asking(false)
    }
  }

  #unlessOver<T>(awaited: Promise<T>): Promise<T> {
    return Promise.race([awaited, this.#over.promise])
  }

  /** Rejects with a `Refusal` when the agent refuses it, and with anything else when its process is gone. */
  async #request(method: string, params: JsonRecord): Promise<JsonRecord> {
    if (this.#connection === null) throw new Error('there is no connection')
    try {
      return recordOf(await this.#connection.agent.request<unknown>(method, params)) ?? {}
    } catch (error) {
      if (!(error instanceof this.#parts.sdk.RequestError)) throw error
      throw refusalOf(error, (text) => this.#quote(text))
    }
  }

  #take(params: JsonRecord, chars: number): void {
    const update = recordOf(params.update)
    if (update === null || this.#isReplay) return
    this.#calls.update(update, chars)
    this.#journal.update(update)
  }

  #answer(params: JsonRecord) {
    // Some agents announce a call by asking for it.
    const call = recordOf(params.toolCall)
    if (call !== null && this.#turn !== null && !this.#calls.has(call.toolCallId))
      this.#take({ update: { ...call, sessionUpdate: 'tool_call' } }, JSON.stringify(call).length)
    return answerPermission(params, {
      gate: this.#parts.host.gate,
      calls: this.#calls,
      cut: this.#cut,
      unanswerable: (id) => this.#journal.emit('acp:unanswerable', { toolCallId: id }),
    })
  }

  /** Aborted when the running turn is cut, and where no turn runs. */
  get #cut(): AbortSignal {
    return this.#turn === null ? AbortSignal.abort() : this.#cutting.signal
  }

  #notifyCancel(): void {
    const cancel = this.#parts.sdk.methods.agent.session.cancel
    void this.#connection?.agent.notify(cancel, { sessionId: this.#conversation?.id ?? '' }).catch(() => {})
  }

  #end(cause: Cause): void {
    if (this.#cause !== null) return
    this.#cause = cause
    this.#watchdog.stop()
    this.#parts.host.gate.close()
    this.#cutting.abort()
    this.#over.reject(new Error('the agent is being ended'))
  }

  /** Ends the process with all its descendants. */
  async #leave(process: SandboxedProcess): Promise<void> {
    const cause = this.#cause
    const grace = cause?.kind === 'cancelled' ? cause.graceMs : termMs
    if (cause?.kind === 'cancelled' && this.#turn !== null && grace > 0) {
      this.#notifyCancel()
      await this.#within(Math.min(cancelMs, grace), this.#turn, process.exited)
    }
    this.#journal.close()
    process.stdin.end()
    // Time to store the conversation, for an agent that is idle now.
    const isIdle = cause?.kind === 'done' || (cause?.kind === 'cancelled' && this.#turn !== null)
    if (isIdle && grace > 0) await this.#within(Math.min(settleMs, grace), process.exited)
    // At a shutdown the grace is shorter.
    await process.end(grace < usualGraceMs ? grace : termMs)
    await process.exited
    this.#connection?.close()
    await this.#parts.gateway?.close()
    await this.#journal.settled()
  }

  async #within(ms: number, ...awaited: Promise<unknown>[]): Promise<void> {
    const late = Promise.withResolvers<void>()
    const stop = this.#parts.clock.after(ms, late.resolve)
    await Promise.race([...awaited, late.promise])
    stop()
  }

  #describeEnd(): AgentEnd {
    return describeEnd(this.#cause, {
      result: {
        text: this.#journal.text,
        agent: this.#parts.entry.name,
        sessionId: this.#conversation?.id ?? '',
        stopReason: this.#stopReason,
        numTurns: this.#turns,
      },
      usage: this.#journal.usage(this.#turns),
      interrupted: this.#interrupted,
      exit: this.#exit,
      last: this.#quote(this.#stderr.lastLine),
      breach: this.#process?.breach,
    })
  }

  #lastWords(): string {
    const last = this.#quote(this.#stderr.lastLine)
    return last === '' ? '' : `; its last words: ${last}`
  }

  #quote(text: string): string {
    return this.#parts.redact(text).slice(0, quotedCharsMax)
  }
}

function asRecord(params: unknown): JsonRecord {
  return recordOf(params) ?? {}
}
