/** Executions for one test: the real engine and provider packages against a scripted model, tools that count. */
import { randomUUID } from 'node:crypto'
import { createPolicy } from '@millrace/policy'
import {
  type ScriptedModel,
  type ScriptedModelOptions,
  type Step,
  startScriptedModel,
} from '@millrace/scripted-model'
import { expect, onTestFinished } from 'vitest'
import { z } from 'zod'
import type { AgentEnd, Dialogue, ExecutionHost, ExecutionLimits, LiveAgent } from '#agents/agent'
import { createAiSdkEngine } from '#agents/ai-sdk/engine'
import type { ModelEntry } from '#agents/ai-sdk/model/entry'
import type { AiSdkEngineOptions } from '#agents/ai-sdk/options'
import { Gate } from '#agents/gate'
import type { AgentMove } from '#agents/moves'
import type { AgentTool, ToolContext, ToolResult } from '#agents/tools/tool'
import { RunDialogue } from '#runners/dialogue'
import type { ApprovalAnswer, ApprovalRequest, EmittedEvent, TranscriptEntry } from '#runners/runner'
import { wallClock } from '#time/clock'
import { Mailbox } from '../../../runners/support/mailbox.ts'

export type Format = 'anthropic' | 'openai' | 'openai-chat' | 'google' | 'openai-compatible'

/** Every format of the scripted model, by the provider package that speaks it. */
export const formats: readonly Format[] = [
  'anthropic',
  'openai',
  'openai-chat',
  'google',
  'openai-compatible',
]

export function modelName(format: Format): string {
  if (format === 'openai-compatible') return 'openai-compatible:local'
  return format === 'openai-chat' ? 'openai:scripted' : `${format}:scripted`
}

export function entriesFor(
  format: Format,
  url: string,
  more: Partial<ModelEntry> = {},
): Record<string, ModelEntry> {
  const provider = format === 'openai-chat' ? 'openai' : format
  const baseUrl = provider === 'google' ? `${url}/v1beta` : `${url}/v1`
  const entry: ModelEntry = { provider, baseUrl, model: 'scripted', ...more }
  return { local: format === 'openai-chat' ? { ...entry, api: 'chat' } : entry }
}

export const madeUpKeys = {
  ANTHROPIC_API_KEY: 'made-up-key',
  OPENAI_API_KEY: 'made-up-key',
  GOOGLE_GENERATIVE_AI_API_KEY: 'made-up-key',
}

export const noLimits: ExecutionLimits = { iterations: 100, tokens: null, seconds: 600, usd: null }

/** Moves and entries in the order of their commits: those of one tick share one. */
export type Commit = { moves: AgentMove[]; entries: TranscriptEntry[]; delivered: string[] }

export class RecordingHost implements ExecutionHost {
  readonly commits: Commit[] = []
  /** What was emitted besides moves. */
  readonly events: EmittedEvent[] = []
  readonly questions: ApprovalRequest[] = []
  /** Calls whose questions were withdrawn. */
  readonly withdrawn: string[] = []
  readonly gate: Gate
  readonly dialogue: Dialogue
  readonly messages = new Mailbox()
  readonly sandbox = {} as ExecutionHost['sandbox']
  startedWith: Record<string, unknown> | null = null
  uncommittedBytes = 0
  /** A host whose process was killed: nothing reaches the disk any longer. */
  isGone = false
  /** From here on messages may interrupt the agent. */
  readonly attach: (agent: LiveAgent) => void
  answer: (question: ApprovalRequest) => Promise<ApprovalAnswer> = () =>
    Promise.reject(new Error('nobody is there'))
  onMove: (move: AgentMove) => void = () => {}
  #open: Commit | null = null

  constructor(projectPath: string, approvals: 'on' | 'off' = 'off', known: readonly TranscriptEntry[] = []) {
    const context = { messages: this.messages, signal: new AbortController().signal, emit: async () => {} }
    const { messages } = context
    const dialogue = new RunDialogue({
      context,
      transcript: known,
      idleMs: null,
      clock: wallClock,
      now: wallClock.now,
    })
    this.attach = (agent) => dialogue.attach(agent)
    this.dialogue = {
      nextTurn: () => dialogue.nextTurn(),
      joining: () => dialogue.joining(),
      delivered: (id) => {
        if (this.isGone) return new Promise(() => {})
        this.#commit().delivered.push(id)
        return messages.delivered(id)
      },
    }
    const policy = createPolicy({
      unreadableBash: 'ask',
      approvals,
      sandboxed: true,
      projectPath,
      home: '/nonexistent/home',
    })
    this.gate = new Gate({
      policy,
      cwd: projectPath,
      log: { warn: () => {}, info: () => {} } as never,
      ask: async (question) => {
        this.questions.push(question)
        return this.answer(question)
      },
      withdraw: async (toolUseId) => void this.withdrawn.push(toolUseId),
    })
  }

  get moves(): AgentMove[] {
    return this.commits.flatMap(({ moves }) => moves)
  }

  get transcript(): TranscriptEntry[] {
    return this.commits.flatMap(({ entries }) => entries)
  }

  of<Name extends AgentMove['move']>(name: Name): Extract<AgentMove, { move: Name }>[] {
    return this.moves.filter((move): move is Extract<AgentMove, { move: Name }> => move.move === name)
  }

  report(moves: readonly AgentMove[]): Promise<void> {
    if (this.isGone) return new Promise(() => {})
    this.#commit().moves.push(...structuredClone([...moves]))
    for (const move of moves) this.onMove(move)
    return nextTurn()
  }

  appendTranscript(entries: TranscriptEntry[]): Promise<void> {
    if (this.isGone) return new Promise(() => {})
    this.#commit().entries.push(...entries)
    return nextTurn()
  }

  emit(events: EmittedEvent[]): Promise<void> {
    if (this.isGone) return new Promise(() => {})
    this.events.push(...structuredClone(events))
    return nextTurn()
  }

  async started(data: Record<string, unknown> = {}): Promise<void> {
    this.startedWith = data
  }

  async recordProcess(): Promise<void> {}

  #commit(): Commit {
    if (this.#open === null) {
      this.#open = { moves: [], entries: [], delivered: [] }
      this.commits.push(this.#open)
      queueMicrotask(() => {
        this.#open = null
      })
    }
    return this.#open
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

export interface ExecutionSettings {
  format?: Format
  prompt?: string
  limits?: Partial<ExecutionLimits>
  entry?: Partial<ModelEntry>
  tools?: readonly AgentTool[]
  host?: RecordingHost
  approvals?: 'on' | 'off'
  resumes?: readonly TranscriptEntry[]
  options?: Partial<AiSdkEngineOptions>
}

export interface Started {
  host: RecordingHost
  agent: LiveAgent
}

export const project = '/nonexistent/project'

export async function start(
  { url }: Pick<ScriptedModel, 'url'>,
  settings: ExecutionSettings = {},
): Promise<Started> {
  const { format = 'openai-compatible', prompt = 'Do it.', entry, resumes, tools = [] } = settings
  const host = settings.host ?? new RecordingHost(project, settings.approvals)
  const engine = createAiSdkEngine({
    models: entriesFor(format, url, entry),
    env: madeUpKeys,
    tools,
    limits: {},
    maxRetries: 0,
    ...settings.options,
  })
  const limits = { ...noLimits, ...settings.limits }
  const model = modelName(format)
  expect(engine.refuses({ model, limits })).toBeNull()
  const agent = await engine.start(
    {
      runId: randomUUID(),
      prompt,
      projectPath: project,
      cwd: project,
      model,
      limits,
      transcript: resumes ?? [],
      resumes: resumes !== undefined,
    },
    host,
  )
  host.attach(agent)
  onTestFinished(async () => {
    agent.cancel(0)
    if (!host.isGone) await agent.ended
  })
  return { host, agent }
}

export async function run(
  model: Pick<ScriptedModel, 'url'>,
  settings: ExecutionSettings = {},
): Promise<Started & { end: AgentEnd }> {
  const started = await start(model, settings)
  return { ...started, end: await started.agent.ended }
}

/** A model that answers by these steps until the test is over. */
export async function serve(
  steps: Step[],
  more: Partial<ScriptedModelOptions> = {},
  pace: { deltaChars?: number } = {},
): Promise<ScriptedModel> {
  const model = await startScriptedModel({ script: { name: 'test script', steps, ...pace }, ...more })
  onTestFinished(() => model.close())
  return model
}

type Content = NonNullable<Extract<Step['reply'], { content: unknown }>['content']>

export function reply(when: Step['when'], content: Content, more: object = {}): Step {
  return { when, reply: { content, ...more } }
}

export function use(name: string, input: Record<string, unknown>, id?: string): Content[number] {
  return { type: 'tool_use', name, input: input as never, ...(id === undefined ? {} : { id }) }
}

export function say(text: string): Content[number] {
  return { type: 'text', text }
}

/** A `shell` that runs nothing: it counts its calls, and does what the test says. */
export class CountingShell implements AgentTool {
  readonly name = 'shell'
  readonly description = 'Runs a command.'
  readonly input = z.object({ command: z.string().describe('The command.') })
  readonly ran: string[] = []
  /** Yields live output. */
  behave: (command: string, context: ToolContext) => AsyncGenerator<string, ToolResult> = async function* (
    command,
  ) {
    yield `$ ${command}\n`
    return { ok: !command.startsWith('false'), text: `ran ${command}` }
  }

  judgedAs(input: unknown): { tool: string; input: Record<string, unknown> } {
    return { tool: 'Bash', input: { command: (input as { command: string }).command } }
  }

  run(input: unknown, context: ToolContext): AsyncGenerator<string, ToolResult> {
    const { command } = input as { command: string }
    this.ran.push(command)
    return this.behave(command, context)
  }
}
