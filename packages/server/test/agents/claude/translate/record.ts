/**
 * Records what the SDK's process sends in an execution: every message, and what the gate denies, in order. What
 * differs from one recording to the next (ids, paths, times) is replaced by names.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import * as sdk from '@anthropic-ai/claude-agent-sdk'
import { query } from '@anthropic-ai/claude-agent-sdk'
import { createPolicy } from '@millrace/policy'
import { type SubagentResultEvent, subagentResultType } from '@millrace/protocol'
import { startScriptedModel } from '@millrace/scripted-model'
import { agentOptions } from '#agents/claude/engine/options'
import { canUseToolOf, hookOf } from '#agents/claude/engine/permissions'
import { patchingTools, subagentHook } from '#agents/claude/engine/subagents'
import { executionRole } from '#agents/claude/execution/role'
import { agentEnvironment } from '#agents/claude/process/environment'
import { Gate } from '#agents/gate'
import type { Scenario } from './scenarios.ts'

export type Recorded = Record<string, unknown> & { type: string }

export async function record(scenario: Scenario): Promise<Recorded[]> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-record-')))
  const [project, home] = [join(folder, 'project'), join(folder, 'home')]
  mkdirSync(project)
  mkdirSync(home)
  if (scenario.repository) makeRepository(project)
  const model = await startScriptedModel({
    script: { name: 'recorded', steps: scenario.steps },
    ...scenario.model,
  })
  try {
    const said = await converse(scenario, { project, home, url: model.url })
    return renamed(said, { [project]: '/project', [home]: '/home', [folder]: '/folder' })
  } finally {
    await model.close()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
  }
}

function makeRepository(project: string): void {
  writeFileSync(join(project, 'tracked.txt'), 'one\ntwo\nthree\n')
  const git = (...args: string[]) => execFileSync('git', args, { cwd: project, stdio: 'ignore' })
  git('init')
  git('add', '.')
  git('-c', 'user.name=A', '-c', 'user.email=a@example.org', 'commit', '-m', 'First')
}

interface Place {
  project: string
  home: string
  url: string
}

async function converse(scenario: Scenario, { project, home, url }: Place): Promise<Recorded[]> {
  const said: Recorded[] = []
  const gate = gateOf(project, home)
  gate.listener = {
    denied: (event) => said.push({ type: 'permission:denied', ...event }),
    asking: () => {},
  }
  const patched = (event: SubagentResultEvent) => said.push({ type: subagentResultType, ...event })
  const role = executionRole({ iterations: scenario.iterations ?? 20 }, { kept: async () => {} })(sdk)
  const prompts = scenario.prompts ?? ['Go']
  let next = Promise.withResolvers<void>()
  /** The input stays open: only then can the agent be interrupted. */
  async function* input() {
    for (const content of prompts) {
      yield { type: 'user' as const, message: { role: 'user' as const, content }, parent_tool_use_id: null }
      await next.promise
    }
  }
  const conversation = query({
    prompt: input(),
    options: {
      ...agentOptions(scenario.agent, role),
      cwd: project,
      env: {
        PATH: process.env.PATH,
        HOME: home,
        CLAUDE_CODE_TMPDIR: home,
        ...agentEnvironment(undefined, { url, token: 'made-up-token' }),
        ...scenario.env,
      },
      canUseTool: canUseToolOf({ permit: (call) => gate.permit(call), begins: async () => {} }, role),
      hooks: {
        PreToolUse: [{ hooks: [hookOf(gate, role)], onFailure: 'block' }],
        PostToolUse: [{ matcher: patchingTools, hooks: [subagentHook(patched)] }],
      },
    },
  })
  let interrupted = false
  let answered = 0
  try {
    for await (const message of conversation) {
      said.push(message as unknown as Recorded)
      if (!interrupted && scenario.interruptAt?.(message as unknown as Recorded)) {
        interrupted = true
        if (scenario.interruptAfterMs !== undefined) await setTimeout(scenario.interruptAfterMs)
        await conversation.interrupt()
      }
      if (message.type !== 'result') continue
      answered += 1
      next.resolve()
      if (answered === prompts.length) break
      next = Promise.withResolvers()
    }
  } catch {
    // After an error result the iteration throws what the result says.
  } finally {
    conversation.close()
  }
  return said
}

function gateOf(project: string, home: string): Gate {
  const policy = createPolicy({
    unreadableBash: 'allow',
    approvals: 'on',
    sandboxed: true,
    projectPath: project,
    home,
  })
  const decide: typeof policy.decide = (call) =>
    call.tool === 'Write' && String(call.input.file_path).endsWith('/a.txt')
      ? { decision: 'ask', reason: 'It is to be asked.' }
      : policy.decide(call)
  return new Gate({
    policy: { decide },
    cwd: project,
    ask: async () => ({ decision: 'deny', by: 'person', message: 'Not this file.' }),
    log: { warn: () => {}, info: () => {} },
  })
}

const ids =
  /\b(?:(toolu|msg|req)_\w+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|a[0-9a-f]{16})\b/g
/** Figures that measure the machine, and lists that say what the version has. */
const measured = /(_ms|_seconds|Ms|^end_time|^timestamp)$/
const lists = [
  'agents',
  'capabilities',
  'plugins',
  'skills',
  'slash_commands',
  'terminal_slash_commands',
  'tools',
]

function renamed(said: readonly Recorded[], paths: Record<string, string>): Recorded[] {
  const names = new Map<string, string>()
  const rename = (value: unknown, key: string): unknown => {
    if (measured.test(key)) return 1
    if (lists.includes(key) && Array.isArray(value)) return []
    if (typeof value === 'string') {
      const placed = Object.entries(paths).reduce((into, [from, to]) => into.replaceAll(from, to), value)
      return placed.replace(ids, (id, kind = 'id') => {
        const name = names.get(id) ?? `${kind}_${names.size + 1}`
        names.set(id, name)
        return name
      })
    }
    if (Array.isArray(value)) return value.map((one) => rename(one, ''))
    if (value === null || typeof value !== 'object') return value
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, rename(one, name)]))
  }
  return said.filter((message) => !isPieceOfInput(message)).map((message) => rename(message, '') as Recorded)
}

/** How many pieces an input comes in depends on the length of the folder's name. */
function isPieceOfInput({ event }: Recorded): boolean {
  const { delta } = (event ?? {}) as { delta?: { type?: unknown } }
  return delta?.type === 'input_json_delta'
}
