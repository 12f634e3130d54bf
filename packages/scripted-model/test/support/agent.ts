/**
 * Runs the real agent SDK against a scripted model, with a project and a HOME of its own. Both are removed
 * after the test.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Options, query, type SDKMessage } from '@anthropic-ai/claude-agent-sdk'
import { expect, onTestFinished, vi } from 'vitest'
import type { ScriptedModel } from '#index'

export interface Place {
  project: string
  home: string
}

export interface AgentRun {
  messages: SDKMessage[]
  /** What the iteration threw, if it did. */
  error: Error | undefined
  /** The process groups that it started. */
  pids: number[]
}

/** Makes a project and a HOME, and removes both after the test. */
export function makePlace(): Place {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-agent-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }))
  const place = { project: join(folder, 'project'), home: join(folder, 'home') }
  for (const path of Object.values(place)) mkdirSync(path)
  return place
}

export interface AgentSettings {
  options?: Options
  env?: Record<string, string>
  onMessage?: (message: SDKMessage) => void
}

/** Runs until the end, whatever it is, and checks that no process is left. */
export async function runAgent(
  { url }: ScriptedModel,
  prompt: string,
  { project, home }: Place,
  { options, env, onMessage }: AgentSettings = {},
): Promise<AgentRun> {
  const run: AgentRun = { messages: [], error: undefined, pids: [] }
  const conversation = query({
    prompt,
    options: {
      cwd: project,
      env: {
        PATH: process.env.PATH,
        HOME: home,
        CLAUDE_CODE_TMPDIR: home,
        ANTHROPIC_BASE_URL: url,
        ANTHROPIC_API_KEY: 'made-up-key',
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
        ...marks(),
        ...env,
      },
      permissionMode: 'default',
      canUseTool: async (_tool, input) => ({ behavior: 'allow', updatedInput: input }),
      settingSources: [],
      includePartialMessages: true,
      spawnClaudeCodeProcess: ({ command, args, cwd, env, signal: _forwarded }) => {
        const child = spawn(command, args, { cwd, env, stdio: ['pipe', 'pipe', 'ignore'], detached: true })
        if (child.pid !== undefined) run.pids.push(child.pid)
        return child
      },
      ...options,
    },
  })
  try {
    for await (const message of conversation) {
      run.messages.push(message)
      onMessage?.(message)
    }
  } catch (error) {
    run.error = error as Error
  }
  await vi.waitFor(() => expect(run.pids.filter(isAlive)).toEqual([]), { timeout: 60_000 })
  return run
}

/** Returns the types of the messages, without those of the stream and of waiting. */
export function outline(messages: SDKMessage[]): string[] {
  return messages
    .filter(({ type }) => type !== 'stream_event')
    .map((message) => ('subtype' in message ? `${message.type}:${message.subtype}` : message.type))
    .filter((name) => name !== 'system:status')
}

export function resultOf({ messages }: AgentRun): Extract<SDKMessage, { type: 'result' }> {
  const result = messages.find((message) => message.type === 'result')
  if (result?.type !== 'result') throw new Error(`no result among ${outline(messages).join(', ')}`)
  return result
}

/** Returns the mark by which the suite finds what a test left behind. */
function marks(): Record<string, string> {
  const mark = process.env.MILLRACE_TEST_MARK
  return mark === undefined ? {} : { MILLRACE_TEST_MARK: mark }
}

/** Returns whether any process of the group is left. */
function isAlive(group: number): boolean {
  try {
    return process.kill(-group, 0)
  } catch {
    return false
  }
}
