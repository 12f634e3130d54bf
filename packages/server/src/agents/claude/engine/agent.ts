/**
 * One Claude agent, from its process to its end: the owner of everything that lives as long as it does.
 *
 *     prompt ─▶ SDK ─▶ Bridge ─▶ process ─▶ Bridge ─┬─ messages ─▶ SDK ─▶ ClaudeAgent ─▶ Journal ─▶ log
 *                                                   └─ mirrored lines ───────────────▶ Journal ─▶ transcript
 *     message ─▶ Dialogue ─▶ Turns ─▶ SDK ─▶ Bridge ─▶ process
 *     tool call ─▶ SDK ─▶ Gate ─▶ policy, people          denied calls ─▶ Journal
 *     Bridge, Journal, Watchdog, messages, cancel() ─▶ Ending (the first cause) ─▶ ClaudeAgent stops all
 *
 * Data flows one way; a part that finds a reason to end reports it to `Ending` and does nothing else.
 * Owns: the process through its bridge, the watchdog, the gateway, the SDK's query. All are gone once
 * `ended` has settled.
 * Invariants: the first cause is the only one; nothing is emitted after it, whatever the SDK makes up;
 * the mirrored conversation is on disk once the agent has ended.
 */
import type {
  Options,
  Query,
  SDKMessage,
  SDKResultMessage,
  SDKUserMessage,
  SpawnOptions,
} from '@anthropic-ai/claude-agent-sdk'
import { messageOf, permissionTypes, subagentResultType } from '@millrace/protocol'
import type { ProcessLimits, SandboxedProcess } from '@millrace/sandbox'
import {
  type AgentEnd,
  type AgentHost,
  type AgentStop,
  type AgentTask,
  failed,
  type LiveAgent,
} from '#agents/agent'
import { crashed } from '#agents/crash'
import type { ModelGateway } from '#agents/gateway/gateway'
import { takenAwayText } from '#agents/taken-away'
import { Watchdog } from '#agents/watchdog'
import type { AgentSettings } from '#config/config'
import { graceMs } from '#runners/grace'
import type { TranscriptEntry } from '#runners/runner'
import type { Clock } from '#time/clock'
import { Bridge } from '../process/bridge.ts'
import { agentEnvironment } from '../process/environment.ts'
import { LongTexts } from '../process/long-texts.ts'
import { startProcess } from '../process/start.ts'
import { charactersOf, entriesOf } from '../transcript/mirror.ts'
import type { Conversation } from '../transcript/restore.ts'
import { demoName, endOf, keyRefused, leftOf } from './end.ts'
import { type AgentCause, Ending } from './ending.ts'
import { Journal } from './journal.ts'
import { eventTypeOf, isKeyRefused, isSignOfLife, isSubagent, toolCallsIn } from './messages.ts'
import { agentOptions, defaultLimits, defaultNetwork } from './options.ts'
import { Parking, wakingOptions } from './parking.ts'
import { canUseToolOf, hookOf } from './permissions.ts'
import type { AgentRole } from './role.ts'
import { noticeHook, patchingTools, subagentHook } from './subagents.ts'
import { Turns } from './turns.ts'

export interface ClaudeAgentParts {
  task: AgentTask
  host: AgentHost
  /** The conversation it resumes. */
  conversation: Conversation | null
  settings: AgentSettings | undefined
  role: AgentRole
  /** Of every run. */
  environment: Readonly<Record<string, string>>
  limits: ProcessLimits
  /** A call that the policy has not judged by then is blocked. */
  hookTimeoutSeconds: number
  gateway: ModelGateway
  demo: boolean
  clock: Clock
  query(parameters: { prompt: AsyncIterable<SDKUserMessage>; options: Options }): Query
  /** Removes secrets from a message for people. */
  redact(text: string): string
}

/** The bound of all messages together, so that an agent's share of the store is bounded. */
const outputCharsMax = 1024 ** 3
/** Far more than any answer. Answers wait in memory while the process does not read them. */
const unreadBytesMax = 16 * 1024 ** 2
/** How long a process may stay after its result. */
const settleMs = 1000
/** How long what the process says after a result is held back while the next message is looked up. */
const holdMs = 1000

export class ClaudeAgent implements LiveAgent<AgentStop> {
  readonly ended: Promise<AgentStop>
  readonly #parts: ClaudeAgentParts
  readonly #ending = new Ending((cause) => this.#end(cause))
  readonly #watchdog: Watchdog
  readonly #journal: Journal
  readonly #turns: Turns
  readonly #texts = new LongTexts()
  readonly #parking: Parking
  readonly #controller = new AbortController()
  readonly #left = Promise.withResolvers<void>()
  /** For the model, after its next call. */
  readonly #notices: string[] = []
  #bridge: Bridge | null = null
  #query: Query | null = null
  /** What the process says after a result, while it is decided whether the agent ends with that. */
  #held: SDKMessage[] | null = null
  /** The newest result. While it is set, no turn runs. */
  #result: SDKResultMessage | null = null
  #process: SandboxedProcess | null = null

  constructor(parts: ClaudeAgentParts) {
    this.#parts = parts
    const { task, host, clock, settings } = parts
    const silenceSeconds = settings?.stallSeconds ?? defaultLimits.stallSeconds
    const keptChars = charactersOf(task.transcript)
    this.#journal = new Journal({ host, ending: this.#ending, keptChars })
    this.#turns = new Turns(task, host.dialogue, clock)
    this.#parking = new Parking({ gate: host.gate, clock, task, turns: this.#turns })
    this.#watchdog = new Watchdog({
      clock,
      silenceMs: silenceSeconds * 1000,
      stalled: () =>
        this.#ending.fail(
          'stalled',
          `The agent's process said nothing for ${silenceSeconds} seconds and was ended`,
        ),
    })
    host.gate.listener = {
      denied: (event) => this.#journal.emit(permissionTypes.denied, event),
      asking: (waits) => this.#watchdog.asking(waits),
    }
    this.ended = this.#live()
  }

  /** Ends the agent for a reason of its kind. `reason` is one word, `error` for a person. */
  fail(reason: string, error: string): void {
    this.#ending.fail(reason, error)
  }

  cancel(grace: number): void {
    this.#ending.report({ kind: 'cancelled', graceMs: grace })
    // This includes an agent that has its result, while its process is still alive.
    void this.#bridge?.end(grace)
  }

  interrupt(): void {
    if (this.#query !== null && this.#result === null) this.#turns.interrupt(this.#query)
  }

  async #live(): Promise<AgentStop> {
    let thrown: string | null = null
    try {
      const query = this.#parts.query({ prompt: this.#turns.input, options: this.#options() })
      this.#query = query
      const read = this.#read(query)
      read.catch(() => {})
      await Promise.race([read, this.#left.promise])
    } catch (error) {
      thrown = messageOf(error)
    }
    try {
      return await this.#describeEnd(thrown)
    } finally {
      this.#stop()
      this.#query?.close()
      await this.#bridge?.end(0)
      await this.#bridge?.exited
      await this.#parts.gateway.close()
      await this.#journal.settled()
    }
  }

  #options(): Options {
    const { task, host, conversation, settings, role, gateway, hookTimeoutSeconds } = this.#parts
    const environment = agentEnvironment(settings, gateway, this.#parts.environment)
    const { maxBudgetUsd, ...usual } = agentOptions(settings, role)
    return {
      ...usual,
      // One owner: the gateway knows every request, and the prices of the configuration.
      ...(gateway.budget === null ? { maxBudgetUsd: leftOf(maxBudgetUsd, task.woken?.usage) } : {}),
      ...(task.model === undefined ? {} : { model: task.model }),
      ...(conversation === null ? { sessionId: task.runId } : { resume: conversation.id }),
      ...(task.woken == null ? {} : wakingOptions(conversation?.putOffTool ?? 'Bash')),
      cwd: task.cwd,
      env: environment,
      abortController: this.#controller,
      canUseTool: canUseToolOf(this.#parking, role),
      hooks: {
        PreToolUse: [
          {
            hooks: [hookOf(host.gate, role, this.#parking)],
            timeout: hookTimeoutSeconds + (task.parkAfterMs ?? 0) / 1000,
            onFailure: 'block',
          },
        ],
        PostToolBatch: [{ hooks: [this.#turns.join] }],
        PostToolUse: [
          {
            matcher: patchingTools,
            hooks: [
              subagentHook((event) => this.#journal.emit(subagentResultType, event)),
              noticeHook(() => this.#notices.splice(0)),
            ],
          },
        ],
      },
      extraArgs: { 'session-mirror': null },
      spawnClaudeCodeProcess: (wanted) => this.#spawn(wanted, environment),
    }
  }

  #spawn(wanted: SpawnOptions, environment: Record<string, string>): Bridge {
    const { task, host, limits, conversation, settings, gateway } = this.#parts
    const place = {
      ...task,
      sandbox: host.sandbox,
      limits,
      conversation,
      waitsForInput: task.woken != null,
      network: settings?.network ?? defaultNetwork,
      services: [Number(new URL(gateway.url).port)],
      takenAway: (path: string) => void this.#notices.push(takenAwayText(task.projectPath, path)),
    }
    const bridge = new Bridge({
      start: () => startProcess(place, wanted, environment),
      ending: this.#ending,
      began: (process) => this.#began(process),
      mirrored: (frame) => this.#keep(entriesOf(frame)),
      shorten: (line, message) => this.#texts.shorten(line, message),
      quote: (line) => this.#quote(line),
      outputCharsMax,
      unreadBytesMax,
      room: () => this.#journal.room() ?? host.gate.room(),
    })
    this.#bridge = bridge
    if (this.#ending.cause !== null) void bridge.end(0)
    return bridge
  }

  #began(process: SandboxedProcess): void {
    const { task, host, settings, demo } = this.#parts
    this.#process = process
    const model = task.model ?? settings?.model
    void host.recordProcess({ pid: process.pid, startTime: process.startTime }).catch(() => {})
    const started = host.started({
      boundary: host.sandbox.report.boundary,
      ...(typeof model === 'string' ? { model } : {}),
      ...(demo ? { demo: demoName } : {}),
    })
    void started.catch(() => {})
  }

  async #read(query: Query): Promise<void> {
    for await (const message of query) {
      if (this.#ending.cause !== null) return
      this.#texts.restore(message)
      this.#take(message)
    }
  }

  /** In one tick, so that a message and the entry that has it are in one commit. */
  #keep(entries: TranscriptEntry[]): void {
    this.#journal.keep(entries)
    this.#turns.kept(entries)
  }

  #take(message: SDKMessage): void {
    if (this.#held !== null) {
      this.#held.push(message)
      return
    }
    if (isSignOfLife(message)) this.#watchdog.heard()
    const { began, ended } = toolCallsIn(message)
    for (const { id, tool } of began) if (!isSubagent(tool)) this.#watchdog.began(id)
    for (const id of ended) {
      this.#watchdog.ended(id)
      this.#parts.host.gate.forget(id)
    }
    this.#parking.heard(message)
    this.#journal.emit(eventTypeOf(message.type), message)
    if (this.#query !== null) this.#turns.heard(message, this.#query)
    if (message.type === 'result') this.#turnIsOver(message)
    else if (isKeyRefused(message)) this.#ending.fail(keyRefused.reason, keyRefused.error)
  }

  /**
   * Holds what the process says after a result until the next turn begins: nothing follows the last result in the log, but
   * work in the background may go on while people think.
   */
  #turnIsOver(result: SDKResultMessage): void {
    if (this.#parking.isPutOff && result.terminal_reason === 'tool_deferred') {
      this.#ending.report({ kind: 'parked', message: result })
      return
    }
    const isWaiting = this.#result !== null
    this.#result = result
    if (isWaiting) return
    this.#held = []
    const callOff = this.#parts.clock.after(holdMs, () => this.#release())
    this.#watchdog.asking(true)
    this.#turns
      .next(this.#endOf(result).state === 'completed')
      .finally(() => {
        callOff()
        this.#watchdog.asking(false)
      })
      .then(
        (goesOn) => {
          const last = this.#result ?? result
          this.#result = null
          if (goesOn) this.#release()
          else this.#ending.report({ kind: 'result', message: last })
        },
        // The run is to end, which cancels the agent.
        () => {},
      )
  }

  #release(): void {
    const held = this.#held ?? []
    this.#held = null
    for (const message of held) {
      if (this.#ending.cause !== null) return
      this.#take(message)
    }
  }

  #end(cause: AgentCause): void {
    this.#stop()
    // A failure here is reported again when the agent is torn down.
    const left = this.#leave(cause).catch(() => {})
    void left.then(() => this.#left.resolve())
  }

  /** From here on nothing is read, written or permitted. */
  #stop(): void {
    this.#journal.close()
    this.#parts.host.gate.close()
    this.#watchdog.stop()
    this.#turns.close()
    this.#bridge?.cut()
  }

  async #leave(cause: AgentCause): Promise<void> {
    if (cause.kind === 'result' || cause.kind === 'parked') await this.#settle()
    else {
      this.#controller.abort()
      // Closed now, so that the process sends no more requests during its grace.
      void this.#parts.gateway.close()
    }
    await this.#bridge?.end(cause.kind === 'cancelled' ? cause.graceMs : graceMs)
  }

  /** A process without background work exits when its input ends. */
  async #settle(): Promise<void> {
    this.#bridge?.stdin.end()
    const late = Promise.withResolvers<void>()
    const cancel = this.#parts.clock.after(settleMs, late.resolve)
    await Promise.race([this.#bridge?.exited, late.promise])
    cancel()
  }

  async #describeEnd(thrown: string | null): Promise<AgentStop> {
    const { cause } = this.#ending
    if (cause === null && this.#held !== null && this.#result !== null) return this.#endOf(this.#result)
    if (cause === null) return this.#describeCrash(thrown)
    switch (cause.kind) {
      case 'cancelled':
        return failed('aborted', 'It was ended from outside')
      case 'failed':
        return failed(cause.reason, cause.error)
      case 'result':
        return this.#endOf(cause.message)
      case 'parked':
        return { state: 'parked', usage: this.#endOf(cause.message).usage }
      default:
        return cause satisfies never
    }
  }

  #endOf(message: SDKResultMessage): AgentEnd {
    const { task, settings, role, demo, gateway } = this.#parts
    const { maxTurns, maxBudgetUsd } = { ...defaultLimits, ...settings, ...role.options }
    return endOf(message, { maxTurns, maxBudgetUsd, demo, budget: gateway.budget, woken: task.woken })
  }

  /** The SDK stopped without a result, and no part has found a cause. */
  async #describeCrash(thrown: string | null): Promise<AgentEnd> {
    const bridge = this.#bridge
    if (bridge === null) return failed('not_started', `Could not start: ${thrown ?? 'no process'}`)
    const words = thrown === null ? null : this.#parts.redact(thrown)
    const gone = bridge.exitCode !== null || bridge.signalCode !== null
    await bridge.end(graceMs)
    const exit = await bridge.exited
    const last = this.#quote(bridge.stderrTail.trim().split('\n').at(-1) ?? '')
    return crashed({ exit: gone ? exit : null, thrown: words, last, breach: this.#process?.breach })
  }

  #quote(text: string): string {
    return this.#parts.redact(text).slice(0, 300)
  }
}
