/** A session's context that records events and questions, and keeps the transcript in memory. */
import { randomUUID } from 'node:crypto'
import type { Run } from '@millrace/protocol'
import type { Sandbox } from '@millrace/sandbox'
import {
  type ApprovalAnswer,
  type ApprovalRequest,
  type EmittedEvent,
  EndRequest,
  type RunContext,
  type TranscriptEntry,
} from '#runners/runner'
import { Mailbox } from '../../../runners/support/mailbox.ts'

export interface SessionAsked {
  prompt: string
  cwd?: string
  model?: string
  approvals?: 'on' | 'off'
  questions?: 'on' | 'off'
  interactive?: boolean
  idleSeconds?: number
}

export class RecordingContext implements RunContext {
  readonly run: Run
  readonly project: { id: string; path: string } | null
  readonly sandbox: Sandbox
  readonly events: EmittedEvent[] = []
  readonly transcript: TranscriptEntry[]
  readonly questions: ApprovalRequest[] = []
  /** Calls whose questions were withdrawn. */
  readonly withdrawn: string[] = []
  onWithdrawn: (toolUseId: string) => void = () => {}
  readonly messages = new Mailbox()
  readonly warnings: { message: string; about: Record<string, unknown> }[] = []
  startedWith: Record<string, unknown> | null = null
  process: { pid: number; startTime: number } | null = null
  uncommittedBytes = 0
  mostUncommitted = 0
  /** Answers questions. Without it a session that asks fails. */
  answer: (question: ApprovalRequest) => Promise<ApprovalAnswer> = () =>
    Promise.reject(new Error('nobody is there'))
  onEvent: (event: EmittedEvent) => void = () => {}
  beforeCommit: () => Promise<void> = async () => {}
  readonly log: RunContext['log']
  readonly #controller = new AbortController()

  constructor(
    sandbox: Sandbox,
    project: string,
    asked: SessionAsked,
    earlier: { resumes: string; transcript: readonly TranscriptEntry[] } | null = null,
  ) {
    this.sandbox = sandbox
    this.project = { id: 'p', path: project }
    this.transcript = [...(earlier?.transcript ?? [])]
    const warn = (about: Record<string, unknown>, message: string) => this.warnings.push({ message, about })
    this.log = { warn, info: () => {} } as unknown as RunContext['log']
    this.run = {
      id: randomUUID(),
      kind: 'session',
      project: 'p',
      owner: 'somebody',
      state: 'starting',
      outcome: null,
      spec: { project: 'p', ...asked },
      attempt: 1,
      createdAt: 0,
      startedAt: null,
      finishedAt: null,
      result: null,
      error: null,
      usage: null,
      head: 1,
      retryOf: null,
      resumes: earlier?.resumes ?? null,
      forkOf: null,
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  end(cause: 'abort' | 'shutdown' | 'crash' = 'abort'): void {
    this.#controller.abort(new EndRequest(cause, 'asked by the test'))
  }

  async emit(events: EmittedEvent[]): Promise<void> {
    this.events.push(...events)
    const bytes = JSON.stringify(events).length
    this.uncommittedBytes += bytes
    this.mostUncommitted = Math.max(this.mostUncommitted, this.uncommittedBytes)
    for (const event of events) this.onEvent(event)
    await this.beforeCommit()
    this.uncommittedBytes -= bytes
  }

  async started(data: Record<string, unknown> = {}): Promise<void> {
    this.startedWith = data
  }

  async recordProcess(process: { pid: number; startTime: number }): Promise<void> {
    this.process = process
  }

  ask(question: ApprovalRequest): Promise<ApprovalAnswer> {
    this.questions.push(question)
    const ended = new Promise<never>((_, reject) => {
      const stop = () => reject(this.signal.reason)
      if (this.signal.aborted) stop()
      else this.signal.addEventListener('abort', stop, { once: true })
    })
    return Promise.race([this.answer(question), ended])
  }

  woken: RunContext['woken'] = null

  async withdraw(toolUseId: string): Promise<void> {
    this.withdrawn.push(toolUseId)
    this.onWithdrawn(toolUseId)
  }

  async appendTranscript(entries: TranscriptEntry[]): Promise<void> {
    this.transcript.push(...entries)
  }

  async readTranscript(): Promise<TranscriptEntry[]> {
    return [...this.transcript]
  }

  /** Types of the events, with subtypes, without those of the stream and of waiting. */
  get outline(): string[] {
    return this.events
      .filter(({ type }) => type !== 'stream_event')
      .map(({ type, data }) => {
        const { subtype } = data as { subtype?: unknown }
        return typeof subtype === 'string' ? `${type}:${subtype}` : type
      })
      .filter((name) => name !== 'system:status')
  }

  of(type: string): Record<string, unknown>[] {
    return this.events
      .filter((event) => event.type === type)
      .map(({ data }) => data as Record<string, unknown>)
  }
}
