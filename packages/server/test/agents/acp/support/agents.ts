/** Agents of one test file: the scripted agent as a real process in a real sandbox. */
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { carriersOf, type Sandbox } from '@millrace/sandbox'
import { scriptedAgentProgram } from '@millrace/scripted-model'
import { Workspace } from '@millrace/test-support/workspace'
import { afterAll, beforeAll, expect } from 'vitest'
import { type AcpEngineOptions, createAcpEngine } from '#agents/acp/engine'
import type { AgentEntry, PolicySettings } from '#config/config'
import type { RunOutcome } from '#runners/runner'
import { createSessionRunner } from '#runners/session/runner'
import { RecordingContext, type SessionAsked } from '#test/agents/claude/support/context'

export const modules = join(
  dirname(fileURLToPath(import.meta.resolve('@agentclientprotocol/sdk'))),
  '../../../../..',
)

/** What the scripted agent needs to see of this repository. */
export const scriptedAgentRead = [
  join(dirname(scriptedAgentProgram), '../..'),
  join(modules, '@agentclientprotocol/sdk'),
  join(modules, 'zod'),
]

export function scripted(entry: Partial<AgentEntry> = {}, traits: readonly string[] = []): AgentEntry {
  return {
    name: 'scripted',
    command: ['node', scriptedAgentProgram, ...traits],
    env: {},
    secrets: [],
    network: [],
    mode: 'default',
    gateway: null,
    asks: null,
    read: scriptedAgentRead,
    files: new Map(),
    limits: {},
    ...entry,
  }
}

export interface AskedOfAgent extends Partial<SessionAsked> {
  entry?: AgentEntry
  policy?: Partial<PolicySettings>
  options?: Partial<AcpEngineOptions>
  sandbox?: Sandbox
  resumes?: RecordingContext
}

export function openAgents() {
  const workspace = new Workspace()
  const project = workspace.project('project', 'somebody')
  let contained: Sandbox | undefined
  let loose: Sandbox | undefined
  beforeAll(async () => {
    contained = await workspace.open([project])
    loose = await workspace.open([project], { mode: 'off' })
  })
  afterAll(() => workspace.close())

  function prepare(asked: AskedOfAgent = {}) {
    const { entry = scripted(), policy, options, sandbox = contained, resumes, ...more } = asked
    if (sandbox === undefined) throw new Error('the sandbox is not open yet')
    const earlier = resumes && { resumes: resumes.run.id, transcript: resumes.transcript }
    const context = new RecordingContext(sandbox, project, { prompt: 'say hello', ...more }, earlier ?? null)
    const runner = createSessionRunner({
      engine: createAcpEngine({ entry, model: null, needsBoundary: true, version: '0.0.0', ...options }),
      policy: policy && { approvals: 'off', approvalSeconds: 3600, ...policy },
      hidden: [workspace.dataDir],
      home: homedir(),
    })
    const run = async (): Promise<{ context: RecordingContext; outcome: RunOutcome }> => {
      const outcome = await runner.run(context)
      expect(carriersOf(new Set([context.run.id])), 'processes that are left').toEqual([])
      if (outcome.state === 'parked') throw new Error('the session was parked')
      return { context, outcome }
    }
    return { context, run }
  }

  return {
    workspace,
    project,
    get loose(): Sandbox {
      if (loose === undefined) throw new Error('the sandbox is not open yet')
      return loose
    },
    prepare,
    run: (asked?: AskedOfAgent) => prepare(asked).run(),
  }
}

/** What the agent said. */
export function saidIn(context: RecordingContext): string[] {
  return context.of('acp:agent_message_chunk').map(({ content }) => (content as { text: string }).text)
}
