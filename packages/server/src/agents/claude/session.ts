/**
 * One session, from its process to its outcome.
 *
 * Owns: the process by way of its bridge, the watchdog, the conversation with the SDK. All are gone when
 * `live()` has returned, in whatever way.
 * Invariants: the first reason to end is the only one; after it nothing is emitted, whatever the SDK
 * still makes up; what was mirrored of the conversation is on disk before the session is over.
 */
import type {
  Options,
  Query,
  SDKMessage,
  SDKResultMessage,
  SpawnOptions,
} from '@anthropic-ai/claude-agent-sdk'
import type { Policy } from '@millrace/policy'
import { messageOf, permissionTypes } from '@millrace/protocol'
import type { ProcessLimits, SandboxedProcess } from '@millrace/sandbox'
import type { AgentSettings } from '#config/config'
import { graceMs, graceOf } from '#runners/grace'
import type { RunContext, RunOutcome, TranscriptEntry } from '#runners/runner'
import type { Clock } from '#time/clock'
import { sessionEnvironment } from './environment.ts'
import { Journal } from './journal.ts'
import { eventTypeOf, isKeyRefused, isSignOfLife, isSubagent, toolCallsIn } from './messages.ts'
import type { ModelGateway } from './model-gateway.ts'
import { agentOptions, defaultLimits } from './options.ts'
import { crashed, demoName, errored, keyRefused, outcomeOf } from './outcome.ts'
import { Permissions } from './permissions.ts'
import { startProcess } from './process.ts'
import { Bridge } from './spawn.ts'
import { type Conversation, charactersOf, entriesOf } from './transcript.ts'
import { Watchdog } from './watchdog.ts'

export interface SessionParts {
  context: RunContext
  projectPath: string
  prompt: string
  /** Absolute. */
  cwd: string
  model: string | undefined
  limits: ProcessLimits
  /** What it goes on with. */
  conversation: Conversation | null
  /** Characters that are kept of earlier sessions of the conversation. */
  keptBefore: number
  agent: AgentSettings | undefined
  policy: Pick<Policy, 'decide'>
  /** A call is blocked when the policy has not answered by then. */
  hookTimeoutSeconds: number
  gateway: ModelGateway
  demo: boolean
  clock: Clock
  query(parameters: { prompt: string; options: Options }): Query
  /** What must not be in a message for people, wherever it comes from. */
  redact(text: string): string
}

type Ending =
  | { kind: 'asked' }
  | { kind: 'result'; message: SDKResultMessage }
  | { kind: 'failed'; reason: string; error: string }

/** Of all messages together, in characters: what a session leaves in the store is bounded. */
const mostOutput = 1024 ** 3
/** Of a conversation with all that is kept of it, in characters: a later session holds all of it at once. */
const mostKept = 128 * 1024 ** 2
/** Far more than any answer; they wait in memory while the process does not read them. */
const mostUnread = 16 * 1024 ** 2
/** How long a process that has given its result has to end by itself, before it is ended. */
const settleMs = 1000

export class Session {
  private readonly parts: SessionParts
  private readonly permissions: Permissions
  private readonly watchdog: Watchdog
  private readonly journal: Journal
  private readonly controller = new AbortController()
  private readonly over = Promise.withResolvers<void>()
  private bridge: Bridge | null = null
  private process: SandboxedProcess | null = null
  private ending: Ending | null = null
  private kept: number

  constructor(parts: SessionParts) {
    this.parts = parts
    this.kept = parts.keptBefore
    const { context, clock, agent } = parts
    const silence = agent?.stallSeconds ?? defaultLimits.stallSeconds
    this.journal = new Journal(context)
    this.watchdog = new Watchdog({
      clock,
      silenceMs: silence * 1000,
      stalled: () =>
        this.fail('stalled', `The agent's process said nothing for ${silence} seconds: it was ended`),
    })
    this.permissions = new Permissions({
      policy: parts.policy,
      cwd: parts.cwd,
      ask: (question) => context.ask(question),
      log: context.log,
      denied: (event) => this.journal.emit(permissionTypes.denied, event),
      asking: (waits) => this.watchdog.asking(waits),
    })
  }

  async live(): Promise<RunOutcome> {
    const { context } = this.parts
    const abort = () => this.obey()
    context.signal.addEventListener('abort', abort)
    if (context.signal.aborted) this.obey()
    let query: Query | null = null
    let thrown: string | null = null
    try {
      if (this.ending === null) {
        query = this.parts.query({ prompt: this.parts.prompt, options: this.options() })
        const heard = this.consume(query)
        heard.catch(() => {})
        await Promise.race([heard, this.over.promise])
      }
    } catch (error) {
      thrown = messageOf(error)
    }
    try {
      return await this.outcome(thrown)
    } finally {
      context.signal.removeEventListener('abort', abort)
      this.stop()
      query?.close()
      await this.bridge?.end(0)
      await this.bridge?.exited
      await this.journal.settled()
    }
  }

  private options(): Options {
    const { context, cwd, model, conversation, agent, gateway, hookTimeoutSeconds } = this.parts
    const environment = sessionEnvironment(agent, gateway)
    return {
      ...agentOptions(agent),
      ...(model === undefined ? {} : { model }),
      ...(conversation === null ? { sessionId: context.run.id } : { resume: conversation.id }),
      cwd,
      env: environment,
      abortController: this.controller,
      canUseTool: this.permissions.canUseTool,
      hooks: {
        PreToolUse: [{ hooks: [this.permissions.hook], timeout: hookTimeoutSeconds, onFailure: 'block' }],
      },
      extraArgs: { 'session-mirror': null },
      spawnClaudeCodeProcess: (wanted) => this.spawn(wanted, environment),
    }
  }

  private spawn(wanted: SpawnOptions, environment: Record<string, string>): Bridge {
    const { context, projectPath, cwd, limits, conversation } = this.parts
    const { run, sandbox } = context
    const bridge = new Bridge({
      start: () =>
        startProcess({ sandbox, runId: run.id, projectPath, cwd, limits, conversation }, wanted, environment),
      failed: (reason) => this.fail('not_started', `Could not start: ${reason}`),
      began: (process) => this.began(process),
      mirrored: (frame) => this.keep(entriesOf(frame)),
      broken: (line) =>
        this.fail('protocol_error', `The agent's process wrote what is no message: ${this.quote(line)}`),
      mostOutput,
      mostUnread,
      overflowed: () => this.fail('output', 'The agent wrote more than a gigabyte of messages: it was ended'),
      room: () => this.journal.room() ?? this.permissions.room(),
    })
    this.bridge = bridge
    if (this.ending !== null) void bridge.end(0)
    return bridge
  }

  private keep(entries: TranscriptEntry[]): void {
    this.kept += charactersOf(entries)
    if (this.kept <= mostKept) this.journal.keep(entries)
    else this.fail('output', 'The conversation became longer than can be kept: the session was ended')
  }

  private began(process: SandboxedProcess): void {
    const { context, model, agent, demo } = this.parts
    this.process = process
    const used = model ?? agent?.model
    void context.recordProcess({ pid: process.pid, startTime: process.startTime }).catch(() => {})
    const begun = context.started({
      boundary: context.sandbox.report.boundary,
      ...(typeof used === 'string' ? { model: used } : {}),
      ...(demo ? { demo: demoName } : {}),
    })
    void begun.catch(() => {})
  }

  private async consume(query: Query): Promise<void> {
    for await (const message of query) {
      if (this.ending !== null) return
      this.take(message)
    }
  }

  private take(message: SDKMessage): void {
    if (isSignOfLife(message)) this.watchdog.heard()
    const { began, ended } = toolCallsIn(message)
    for (const { id, tool } of began) if (!isSubagent(tool)) this.watchdog.began(id)
    for (const id of ended) {
      this.watchdog.ended(id)
      this.permissions.forget(id)
    }
    this.journal.emit(eventTypeOf(message.type), message)
    if (message.type === 'result') this.end({ kind: 'result', message }, graceMs)
    else if (isKeyRefused(message)) this.fail(keyRefused.reason, keyRefused.error)
  }

  /** The run is to end: at once, also when the session has come to its result and its process has not. */
  private obey(): void {
    const grace = graceOf(this.parts.context.signal.reason)
    this.end({ kind: 'asked' }, grace)
    void this.bridge?.end(grace)
  }

  private fail(reason: string, error: string): void {
    this.end({ kind: 'failed', reason, error }, graceMs)
  }

  private end(ending: Ending, grace: number): void {
    if (this.ending !== null) return
    this.ending = ending
    this.stop()
    // What fails here fails again, and is told, where the session is left.
    const left = this.leave(ending, grace).catch(() => {})
    void left.then(() => this.over.resolve())
  }

  /** From here on nothing is heard, written or permitted. */
  private stop(): void {
    this.journal.close()
    this.permissions.close()
    this.watchdog.stop()
    this.bridge?.cut()
  }

  private async leave(ending: Ending, grace: number): Promise<void> {
    const { clock, gateway } = this.parts
    if (ending.kind === 'result') {
      // What runs in the background would keep the process; without that it ends with its input.
      this.bridge?.stdin.end()
      const late = Promise.withResolvers<void>()
      const cancel = clock.after(settleMs, late.resolve)
      await Promise.race([this.bridge?.exited, late.promise])
      cancel()
    } else {
      this.controller.abort()
      // Closed, so that the process cannot ask for more while it has its grace.
      void gateway.close()
    }
    await this.bridge?.end(grace)
  }

  private async outcome(thrown: string | null): Promise<RunOutcome> {
    const { context, agent, demo } = this.parts
    const { run } = context
    if (this.ending === null) {
      const { bridge } = this
      if (bridge === null) return errored(run, 'not_started', `Could not start: ${thrown ?? 'no process'}`)
      const words = thrown === null ? null : this.parts.redact(thrown)
      const gone = bridge.exitCode !== null || bridge.signalCode !== null
      await bridge.end(graceMs)
      const exit = await bridge.exited
      const last = this.quote(bridge.stderrTail.trim().split('\n').at(-1) ?? '')
      return crashed(run, { exit: gone ? exit : null, thrown: words, last, breach: this.process?.breach })
    }
    switch (this.ending.kind) {
      case 'asked':
        return errored(run, 'aborted', 'It was ended')
      case 'failed':
        return errored(run, this.ending.reason, this.ending.error)
      case 'result': {
        const { maxTurns, maxBudgetUsd } = { ...defaultLimits, ...agent }
        return outcomeOf(this.ending.message, { run, maxTurns, maxBudgetUsd, demo })
      }
      default:
        return this.ending satisfies never
    }
  }

  private quote(text: string): string {
    return this.parts.redact(text).slice(0, 300)
  }
}
