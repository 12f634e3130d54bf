/** Real sessions for one test file: the real SDK process in a real sandbox, against a scripted model. */
import { homedir } from 'node:os'
import type { Sandbox } from '@millrace/sandbox'
import { carriersOf } from '@millrace/sandbox'
import {
  type ScriptedModel,
  type ScriptedModelOptions,
  type Step,
  startScriptedModel,
} from '@millrace/scripted-model'
import { Workspace } from '@millrace/test-support/workspace'
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest'
import { type ClaudeEngineOptions, createClaudeEngine } from '#agents/claude/engine/engine'
import type { AgentSettings, PolicySettings } from '#config/config'
import type { Parked, RunOutcome } from '#runners/runner'
import { createSessionRunner } from '#runners/session/runner'
import { RecordingContext, type SessionAsked } from './context.ts'

export interface SessionSettings extends Partial<SessionAsked> {
  agent?: AgentSettings
  policy?: Partial<PolicySettings>
  options?: Partial<ClaudeEngineOptions>
  sandbox?: Sandbox
  /** The session that this one resumes. */
  resumes?: RecordingContext
}

export interface Ended {
  context: RecordingContext
  outcome: RunOutcome
}

export interface Parking {
  context: RecordingContext
  outcome: RunOutcome | Parked
}

/** Opens a workspace for the file; everything is closed and checked after its tests. */
export function openSessions() {
  const workspace = new Workspace()
  let contained: Sandbox | undefined
  let loose: Sandbox | undefined
  const project = workspace.project('project', 'somebody')
  beforeAll(async () => {
    contained = await workspace.open([project])
    loose = await workspace.open([project], { mode: 'off' })
  })
  afterAll(() => workspace.close())

  function prepare(model: Pick<ScriptedModel, 'url'>, settings: SessionSettings = {}) {
    const { agent, policy, options, sandbox = contained, resumes, ...asked } = settings
    if (sandbox === undefined) throw new Error('the sandbox is not open yet')
    const earlier = resumes && { resumes: resumes.run.id, transcript: resumes.transcript }
    const context = new RecordingContext(sandbox, project, { prompt: 'Go', ...asked }, earlier ?? null)
    const engineOptions: ClaudeEngineOptions = {
      agent,
      policy: policy && { approvals: 'off', approvalSeconds: 3600, ...policy },
      model: { baseUrl: model.url, apiKey: 'made-up-key', demo: false },
      hidden: [workspace.dataDir],
      home: homedir(),
      ...options,
    }
    const runner = createSessionRunner({ ...engineOptions, engine: createClaudeEngine(engineOptions) })
    const stop = async (): Promise<Parking> => {
      const outcome = await runner.run(context)
      expect(carriersOf(new Set([context.run.id])), 'processes that are left').toEqual([])
      return { context, outcome }
    }
    const run = async (): Promise<Ended> => {
      const { outcome } = await stop()
      if (outcome.state === 'parked') throw new Error('the session was parked')
      return { context, outcome }
    }
    return { context, run, stop, runner }
  }

  return {
    workspace,
    project,
    get loose(): Sandbox {
      if (loose === undefined) throw new Error('the sandbox is not open yet')
      return loose
    },
    prepare,
    run: (model: Pick<ScriptedModel, 'url'>, settings?: SessionSettings) => prepare(model, settings).run(),
  }
}

/** A model that answers by these steps until the test is over. */
export async function serve(steps: Step[], more: Partial<ScriptedModelOptions> = {}): Promise<ScriptedModel> {
  const model = await startScriptedModel({ script: { name: 'test script', steps }, ...more })
  onTestFinished(() => model.close())
  return model
}

export function say(text: string | string[], when: Step['when'] = {}): Step {
  return { when, reply: { content: [{ type: 'text', text }] } }
}

export function use(name: string, input: Record<string, unknown>, when: Step['when'] = { turn: 1 }): Step {
  return { when, reply: { content: [{ type: 'tool_use', name, input: input as never }] } }
}

/** The text of every tool result that the model received. */
export function toolResults(context: RecordingContext): { id: string; text: string; isError: boolean }[] {
  return context.of('user').flatMap((message) => {
    const { content } = message.message as { content: unknown }
    if (!Array.isArray(content)) return []
    return content.flatMap(
      (block: { type: string; tool_use_id: string; content: unknown; is_error?: boolean }) =>
        block.type === 'tool_result'
          ? [{ id: block.tool_use_id, text: JSON.stringify(block.content), isError: block.is_error === true }]
          : [],
    )
  })
}
