/**
 * One execution on a model of the AI SDK, from its prompt to its end.
 *
 *     task ─▶ Loop ─▶ model ─▶ Loop ─▶ calls ─▶ gate, tools ─▶ Loop …
 *              └── moves and entries, one commit for what belongs together ─▶ host
 *
 * Owns: the signal that ends every request, tool and subtask; the connections to the provider. All are gone
 * once `ended` has settled.
 * Invariants: the first cause of the end is the only one; nothing is reported or stored after it.
 */
import { permissionTypes } from '@millrace/protocol'
import { type AgentEnd, type ExecutionHost, failed, type LiveAgent } from '#agents/agent'
import type { AgentMove } from '#agents/moves'
import { ExecutionFailure } from '#agents/spending/meter'
import { estimateTokens } from '#agents/spending/price'
import { CallEnd } from '#agents/tools/tool'
import { type EmittedEvent, emitHighWater } from '#runners/runner'
import type { Answered, CallParts } from './loop/calls.ts'
import { FileTurns } from './loop/file-turns.ts'
import { instructionsFor } from './loop/instructions.ts'
import { Loop } from './loop/loop.ts'
import { PlanBoard } from './loop/plan.ts'
import { type Shared, uniqueIdsAfter } from './loop/shared.ts'
import type { StepCall } from './loop/step.ts'
import { offeredTools, taskTool } from './loop/tools.ts'
import { failureOf } from './model/failure.ts'
import type { ModelTransport } from './model/fetch.ts'
import { Conversation } from './transcript/conversation.ts'
import { type Entry, toStored } from './transcript/entries.ts'
import { type Restored, restore } from './transcript/restore.ts'

export interface AiSdkAgentParts {
  shared: Omit<Shared, 'signal' | 'ended' | 'room' | 'turns' | 'uniqueIds' | 'fail'>
  transport: ModelTransport
  /** Removes secrets from a message for people. */
  redact(text: string): string
}

type Cause = { kind: 'cancelled' } | { kind: 'failed'; error: unknown }

export class AiSdkAgent implements LiveAgent {
  readonly ended: Promise<AgentEnd>
  readonly #parts: AiSdkAgentParts
  readonly #host: ExecutionHost
  readonly #controller = new AbortController()
  #cause: Cause | null = null
  #main: Loop | null = null
  /** An interrupt arrived before there was a turn to cut. */
  #isCutEarly = false
  #last: Promise<unknown> = Promise.resolve()

  constructor(parts: AiSdkAgentParts) {
    this.#parts = parts
    this.#host = parts.shared.host
    this.#host.gate.listener = {
      // The event is one of every kind of run, and no part of the story.
      denied: (event) => this.#emit({ type: permissionTypes.denied, data: event }),
      asking: () => {},
    }
    this.ended = this.#live()
  }

  cancel(graceMs: number): void {
    this.#end({ kind: 'cancelled' }, new CallEnd(graceMs))
  }

  interrupt(): void {
    if (this.#main === null) this.#isCutEarly = true
    else this.#main.cut()
  }

  async #live(): Promise<AgentEnd> {
    try {
      const text = await this.#run()
      return this.#cause === null ? this.#completed(text) : this.#describe(this.#cause)
    } catch (error) {
      this.#end({ kind: 'failed', error })
      return this.#describe(this.#cause ?? { kind: 'failed', error })
    } finally {
      this.#host.gate.close()
      this.#parts.transport.close()
      await this.#last
    }
  }

  async #run(): Promise<string> {
    const { task } = this.#parts.shared
    const board = new PlanBoard()
    const request = { model: this.#parts.shared.model.name, prompt: task.prompt }
    const restored = task.transcript.length === 0 ? null : restore(task.transcript, request, board)
    if (restored === null && (task.resumes || task.transcript.length > 0)) {
      throw new ExecutionFailure(
        'not_resumable',
        'The execution to resume has no conversation that can be resumed.',
      )
    }
    const { id, conversation, added } = restored ?? begun(task.runId, request)
    void this.#host.started({ model: request.model })
    const shared: Shared = {
      ...this.#parts.shared,
      ended: this.#controller.signal,
      signal: this.#controller.signal,
      room: () => this.#room(),
      turns: new FileTurns(),
      uniqueIds: uniqueIdsAfter(conversation.callIds()),
      fail: (error) => this.#end({ kind: 'failed', error }),
    }
    const keep = (entries: readonly Entry[], moves: readonly AgentMove[]) => this.#keep(id, entries, moves)
    await keep(added, board.moves())
    const loop = this.#loop({ shared, conversation, board, keep, depth: 0, parentToolCallId: undefined })
    this.#main = loop
    if (this.#isCutEarly) loop.cut()
    return this.#converse(loop)
  }

  /** Returns the last words of the last turn. */
  async #converse(loop: Loop): Promise<string> {
    for (;;) {
      const text = await loop.run()
      const next = this.#host.dialogue.nextTurn()
      // What interrupts from now on is about the turn that the message begins.
      loop.expectTurn()
      const message = await next
      if (message === null) return text
      await loop.hear(message)
    }
  }

  #loop(parts: {
    shared: Shared
    conversation: Conversation
    board: PlanBoard | null
    depth: number
    parentToolCallId: string | undefined
    keep(entries: readonly Entry[], moves: readonly AgentMove[]): Promise<void>
  }): Loop {
    const { shared, depth } = parts
    const offered = offeredTools(shared.tools, depth)
    const role = depth === 0 ? ('agent' as const) : ('subtask' as const)
    const instructions = instructionsFor({ cwd: shared.task.cwd, role, toolNames: offered.names })
    return new Loop({
      ...parts,
      instructions,
      tools: offered.tools,
      fixedTokens: offered.tokens + estimateTokens(instructions),
      runTask: (call, { shared: each }) => this.#runTask(call, each, depth + 1),
    })
  }

  /** A limit ends the whole execution; any other failure is the result of the call. */
  async #runTask(call: StepCall, shared: CallParts['shared'], depth: number): Promise<Answered> {
    const { prompt } = taskTool.input.parse(call.input)
    const conversation = new Conversation()
    conversation.take({ type: 'message', message: { role: 'user', content: prompt } })
    const keep = (_entries: readonly Entry[], moves: readonly AgentMove[]) => this.#report(moves)
    const parts = { shared, conversation, board: null, keep, depth, parentToolCallId: call.id }
    try {
      return { status: 'ok', text: await this.#loop(parts).run() }
    } catch (error) {
      if (error instanceof ExecutionFailure || shared.signal.aborted) throw error
      return { status: 'error', text: `The subtask failed: ${this.#failureOf(error).message}` }
    }
  }

  #end(cause: Cause, reason?: CallEnd): void {
    if (this.#cause !== null) return
    this.#cause = cause
    this.#host.gate.close()
    this.#controller.abort(reason)
  }

  /** In one tick, so that both are in one commit. */
  #keep(id: string, entries: readonly Entry[], moves: readonly AgentMove[]): Promise<void> {
    if (this.#cause !== null) return Promise.resolve()
    // A failure also aborts the run's signal, and through it this agent.
    const kept =
      entries.length === 0 ? null : this.#host.appendTranscript(toStored(id, entries)).catch(() => {})
    const reported = this.#report(moves)
    return this.#follow(Promise.all([kept, reported]))
  }

  #report(moves: readonly AgentMove[]): Promise<void> {
    if (this.#cause !== null || moves.length === 0) return Promise.resolve()
    return this.#follow(this.#host.report(moves).catch(() => {}))
  }

  #emit(event: EmittedEvent): void {
    if (this.#cause !== null) return
    void this.#follow(this.#host.emit([event]).catch(() => {}))
  }

  async #follow(written: Promise<unknown>): Promise<void> {
    this.#last = Promise.all([this.#last, written])
    await written
  }

  async #room(): Promise<void> {
    if (this.#host.uncommittedBytes > emitHighWater) await this.#last
  }

  #completed(text: string): AgentEnd {
    return { state: 'completed', result: { text }, usage: this.#usage() }
  }

  #describe(cause: Cause): AgentEnd {
    const usage = this.#usage()
    if (cause.kind === 'cancelled') return { ...failed('cancelled', 'It was ended from outside'), usage }
    const { code, message } = this.#failureOf(cause.error)
    return { ...failed(code, message), usage }
  }

  #failureOf(error: unknown): ReturnType<typeof failureOf> {
    return failureOf(error, this.#parts.shared.model.name, this.#parts.redact)
  }

  #usage(): Record<string, unknown> {
    const { tokens, costUsd } = this.#parts.shared.meter
    return { tokens, costUsd }
  }
}

function begun(id: string, request: { model: string; prompt: string }): Restored {
  const added: Entry[] = [
    { type: 'begin', model: request.model },
    { type: 'message', message: { role: 'user', content: request.prompt } },
  ]
  return { id, conversation: Conversation.of(added), added }
}
