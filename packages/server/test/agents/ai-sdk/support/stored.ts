/** Executions of our agent by the run service, over a store: what is on disk is what counts. */
import type { ScriptedModel } from '@millrace/scripted-model'
import { createAiSdkEngine } from '#agents/ai-sdk/engine'
import type { AgentTool } from '#agents/tools/tool'
import { Engines } from '#runners/execution/engines'
import { executionKind } from '#runners/execution/kind'
import { openRig, type Rig, type RigOptions } from '#test/runs/support/rig'
import { entriesFor, noLimits } from './executions.ts'

export const storedModel = 'openai-compatible:local'

export function openStored(
  { url }: Pick<ScriptedModel, 'url'>,
  tools: readonly AgentTool[],
  options: RigOptions = {},
): Promise<Rig> {
  const models = entriesFor('openai-compatible', url)
  const engine = createAiSdkEngine({ models, env: {}, tools, limits: {} })
  const projects = new Map([['web', { id: 'web', path: '/made/up/web' }]])
  const kind = executionKind({
    config: { projects, concurrency: { job: 1, session: 1, execution: 1 } },
    engines: new Engines([{ engine, serves: () => true, models: [], unavailable: null }]),
    bounds: noLimits,
    policy: undefined,
    hidden: [],
    home: '/made/up/home',
  })
  return openRig({ ...options, parts: { kinds: [kind], projects, ...options.parts } })
}
