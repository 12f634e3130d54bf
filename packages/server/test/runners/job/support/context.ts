/** A run's context that records emitted events, with commits that a test can hold back. */
import { randomUUID } from 'node:crypto'
import type { Run, StreamOutputEvent } from '@millrace/protocol'
import type { Sandbox } from '@millrace/sandbox'
import type { Tool } from '#config/config'
import { type EmittedEvent, EndRequest, type RunContext } from '#runners/runner'
import { Mailbox } from '../../support/mailbox.ts'

export class FakeContext implements RunContext {
  readonly run: Run
  readonly project: { id: string; path: string } | null
  readonly sandbox: Sandbox
  readonly events: EmittedEvent[] = []
  /** The calls in order: `recordProcess`, `started`, `emit`. */
  readonly calls: string[] = []
  emits = 0
  mostUncommitted = 0
  uncommittedBytes = 0
  readonly messages = new Mailbox()
  readonly log = { warn: () => {}, info: () => {} }
  /** Lines are counted and not kept, for a test that writes very many. */
  keep = true
  process: { pid: number; startTime: number } | null = null
  beforeStarted: () => Promise<void> = async () => {}
  readonly #controller = new AbortController()
  readonly #waiting: (() => void)[] = []
  #held = false

  constructor(sandbox: Sandbox, project: string, spec: Record<string, unknown>, createdAt = Date.now()) {
    this.sandbox = sandbox
    this.project = { id: 'p', path: project }
    this.run = {
      id: randomUUID(),
      kind: 'job',
      project: 'p',
      owner: 'somebody',
      state: 'starting',
      outcome: null,
      spec: { project: 'p', ...spec },
      attempt: 1,
      createdAt,
      startedAt: null,
      finishedAt: null,
      result: null,
      error: null,
      usage: null,
      head: 1,
      retryOf: null,
      resumes: null,
      forkOf: null,
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  abort(cause: 'abort' | 'shutdown' | 'crash' = 'abort'): void {
    this.#controller.abort(new EndRequest(cause, 'asked by the test'))
  }

  /** Commits wait from now on. */
  hold(): void {
    this.#held = true
  }

  release(): void {
    this.#held = false
    for (const commit of this.#waiting.splice(0)) commit()
  }

  async emit(events: EmittedEvent[]): Promise<void> {
    this.calls.push('emit')
    this.emits += 1
    if (this.keep) this.events.push(...events)
    const bytes = events.reduce((sum, event) => sum + JSON.stringify(event.data).length, 0)
    this.uncommittedBytes += bytes
    this.mostUncommitted = Math.max(this.mostUncommitted, this.uncommittedBytes)
    await new Promise<void>((resolve) => {
      if (this.#held) this.#waiting.push(resolve)
      else setImmediate(resolve)
    })
    this.uncommittedBytes -= bytes
  }

  async started(): Promise<void> {
    this.calls.push('started')
    await this.beforeStarted()
  }

  /** A command asks nobody and has no conversation. */
  ask(): Promise<never> {
    return Promise.reject(new Error('a command asked somebody'))
  }

  withdraw(): Promise<never> {
    return Promise.reject(new Error('a command asked somebody'))
  }

  readonly woken = null

  appendTranscript(): Promise<void> {
    return Promise.reject(new Error('a command kept a conversation'))
  }

  async readTranscript(): Promise<[]> {
    return []
  }

  async recordProcess(process: { pid: number; startTime: number }): Promise<void> {
    this.calls.push('recordProcess')
    this.process = process
  }

  get output(): StreamOutputEvent[] {
    return this.events.map((event) => event.data as StreamOutputEvent)
  }

  lines(stream: 'stdout' | 'stderr' = 'stdout'): string[] {
    return this.output.filter((event) => event.stream === stream).map((event) => event.line)
  }
}

export function tool(command: readonly [string, ...string[]], options: Partial<Tool> = {}): Tool {
  return {
    id: 't',
    title: 'A tool',
    command,
    args: new Map(),
    timeoutSeconds: null,
    network: false,
    env: {},
    projects: ['p'],
    allowNestedSandbox: false,
    cache: true,
    terminal: null,
    limits: { memoryBytes: undefined, processes: undefined, outputBytes: undefined },
    ...options,
  }
}
