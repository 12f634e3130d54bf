/** Real executions for one test file: the real SDK process in a real sandbox, against a scripted model. */
import { homedir } from 'node:os'
import { createPolicy } from '@millrace/policy'
import type { Sandbox } from '@millrace/sandbox'
import { carriersOf } from '@millrace/sandbox'
import type { ScriptedModel } from '@millrace/scripted-model'
import { Workspace } from '@millrace/test-support/workspace'
import { afterAll, beforeAll, expect } from 'vitest'
import type { AgentEnd, Dialogue, ExecutionHost, ExecutionLimits } from '#agents/agent'
import type { ClaudeEngineOptions } from '#agents/claude/engine/engine'
import { createClaudeExecutionEngine } from '#agents/claude/execution/engine'
import { Gate } from '#agents/gate'
import type { AgentMove } from '#agents/moves'
import type { AgentSettings } from '#config/config'
import { RunDialogue } from '#runners/dialogue'
import { wallClock } from '#time/clock'
import { RecordingContext } from './context.ts'

export interface ExecutionSettings {
  task?: string
  model?: string
  limits?: Partial<ExecutionLimits>
  agent?: AgentSettings
  options?: Partial<ClaudeEngineOptions>
  /** The execution that this one resumes. */
  resumes?: RecordingContext
}

export interface Executed {
  context: RecordingContext
  moves: AgentMove[]
  end: AgentEnd
}

/** Opens a workspace for the file; everything is closed and checked after its tests. */
export function openExecutions() {
  const workspace = new Workspace()
  let sandbox: Sandbox | undefined
  const project = workspace.project('project', 'somebody')
  beforeAll(async () => {
    sandbox = await workspace.open([project])
  })
  afterAll(() => workspace.close())

  function start(model: Pick<ScriptedModel, 'url'>, settings: ExecutionSettings = {}) {
    if (sandbox === undefined) throw new Error('the sandbox is not open yet')
    const { task = 'Go', limits, resumes } = settings
    const earlier = resumes && { resumes: resumes.run.id, transcript: resumes.transcript }
    const context = new RecordingContext(sandbox, project, { prompt: task }, earlier ?? null)
    const moves: AgentMove[] = []
    const engine = createClaudeExecutionEngine({
      agent: settings.agent,
      policy: undefined,
      model: { baseUrl: model.url, apiKey: 'made-up-key', demo: false },
      hidden: [workspace.dataDir],
      home: homedir(),
      ...settings.options,
    })
    const parts = {
      context,
      transcript: [...context.transcript],
      idleMs: null,
      clock: wallClock,
      now: wallClock.now,
    }
    const dialogue = new RunDialogue(parts)
    const agent = engine.start(
      {
        runId: context.run.id,
        prompt: task,
        projectPath: project,
        cwd: project,
        model: settings.model,
        transcript: [...context.transcript],
        resumes: resumes !== undefined,
        limits: { iterations: 20, tokens: null, seconds: 600, usd: null, ...limits },
      },
      hostOf(context, moves, project, dialogue),
    )
    void agent.then((live) => dialogue.attach(live))
    const finish = async (): Promise<Executed> => {
      const end = await (await agent).ended
      expect(carriersOf(new Set([context.run.id])), 'processes that are left').toEqual([])
      return { context, moves, end }
    }
    return { agent, context, moves, ended: finish() }
  }

  return {
    workspace,
    project,
    start,
    run: (model: Pick<ScriptedModel, 'url'>, settings?: ExecutionSettings) => start(model, settings).ended,
  }
}

function hostOf(
  context: RecordingContext,
  moves: AgentMove[],
  project: string,
  dialogue: Dialogue,
): ExecutionHost {
  const policy = createPolicy({
    unreadableBash: 'allow',
    approvals: 'off',
    sandboxed: true,
    projectPath: project,
    home: homedir(),
  })
  return {
    dialogue,
    gate: new Gate({ policy, cwd: project, ask: (request) => context.ask(request), log: context.log }),
    sandbox: context.sandbox,
    get uncommittedBytes() {
      return context.uncommittedBytes
    },
    emit: (events) => context.emit(events),
    started: (data) => context.started(data),
    recordProcess: (process) => context.recordProcess(process),
    appendTranscript: (entries) => context.appendTranscript(entries),
    report: async (reported) => void moves.push(...reported),
  }
}
