/** Executions over a memory store, whose agent is a script: what it reports, and how it ends. */
import type { LogEvent, Run } from '@millrace/protocol'
import { ManualClock } from '@millrace/test-support/manual-clock'
import { expectStory } from '@millrace/test-support/story'
import type { AgentEnd, ExecutionEngine, ExecutionHost, ExecutionLimits, ExecutionTask } from '#agents/agent'
import type { AgentMove } from '#agents/moves'
import { Engines } from '#runners/execution/engines'
import { executionKind } from '#runners/execution/kind'
import type { Kind, SelfTest } from '#runners/kind'
import { ann, expectWholeLog, openRig, type Rig, type RigOptions } from '#test/runs/support/rig'

export interface Acting {
  task: ExecutionTask
  host: ExecutionHost
  /** Resolves with the grace when the agent is to end. */
  cancelled: Promise<number>
}

export type Act = (acting: Acting) => Promise<AgentEnd>

/** Runs scripts as agents; knows the models "claude" and "scripted:priced", the latter alone with a price. */
export class ScriptedEngine implements ExecutionEngine {
  readonly tasks: ExecutionTask[] = []
  act: Act

  constructor(act: Act) {
    this.act = act
  }

  refuses({ model, limits }: Parameters<ExecutionEngine['refuses']>[0]): string | null {
    if (model === 'scripted:gone') return 'a model that exists'
    return limits.usd === null || model === 'scripted:priced' ? null : 'a model whose price is known'
  }

  async start(task: ExecutionTask, host: ExecutionHost) {
    this.tasks.push(task)
    const cancelled = Promise.withResolvers<number>()
    const ended = this.act({ task, host, cancelled: cancelled.promise })
    return { ended, cancel: (graceMs: number) => cancelled.resolve(graceMs) }
  }

  async selfTest(): Promise<SelfTest> {
    return { problems: [], warnings: [] }
  }
}

export const completed: AgentEnd = {
  state: 'completed',
  result: { text: 'All green' },
  usage: { tokens: { inputTokens: 10, outputTokens: 2 }, costUsd: 0.5 },
}

export const ended = (reason: string, error = 'It failed'): AgentEnd => ({
  state: 'errored',
  reason,
  error,
  result: null,
  usage: null,
})

export const plan: AgentMove = {
  move: 'plan',
  goal: 'All green',
  phases: [
    { id: 'look', name: 'Look', status: 'active' },
    { id: 'mend', name: 'Mend', status: 'pending' },
  ],
}
export const startCall = (toolCallId: string, parentToolCallId?: string): AgentMove => ({
  move: 'tool-start',
  toolCallId,
  toolName: 'shell',
  params: { command: 'npm test' },
  ...(parentToolCallId === undefined ? {} : { parentToolCallId }),
})

export const bounds: ExecutionLimits = { iterations: 20, tokens: 1000, seconds: 60, usd: null }

export function scriptedExecutions(
  engine: ExecutionEngine,
  more: { clock?: ManualClock; now?: () => number } = {},
): Kind {
  return executionKind({
    config: {
      projects: new Map(['web', 'api'].map((id) => [id, { id, path: `/made/up/${id}` }])),
      concurrency: { job: 1, session: 1, execution: 4 },
    },
    engines: new Engines([
      {
        engine,
        serves: (model) => model === undefined || model === 'claude' || model.startsWith('scripted:'),
        models: ['claude', 'scripted:<model>'],
        unavailable: null,
      },
    ]),
    bounds,
    policy: undefined,
    hidden: [],
    home: '/made/up/home',
    ...more,
  })
}

export interface ExecutionRig extends Rig {
  engine: ScriptedEngine
  clock: ManualClock
  /** Sets the clock of the machine, by milliseconds. */
  setClock(ms: number): void
}

export async function openExecutions(act: Act, options: RigOptions = {}): Promise<ExecutionRig> {
  const clock = new ManualClock(1_000_000)
  let setBy = 0
  const engine = new ScriptedEngine(act)
  const projects = new Map(['web', 'api'].map((id) => [id, { id, path: `/made/up/${id}` }]))
  const parts = {
    kinds: [scriptedExecutions(engine, { clock, now: () => clock.now() + setBy })],
    projects,
    now: clock.now,
    after: clock.after,
  }
  const opened = await openRig({ ...options, parts: { ...parts, ...options.parts } })
  return {
    ...opened,
    engine,
    clock,
    setClock: (ms) => {
      setBy += ms
    },
  }
}

export async function startExecution(rig: Rig, body: Record<string, unknown> = {}): Promise<Run> {
  const request = { kind: 'execution' as const, project: 'web', task: 'Mend it', ...body }
  return (await rig.runs.start(request, ann)).run
}

/** The events of an execution, checked: those of the run itself are left out. */
export async function storyOf(rig: Rig, id: string): Promise<LogEvent[]> {
  const log = await expectWholeLog(rig.store, id)
  const story = log.filter(({ type }) => !type.startsWith('run:'))
  const isTerminal = /^execution:(?:complete|error|interrupted)$/
  expectStory(story.filter(({ type }) => !isTerminal.test(type)))
  return story
}
