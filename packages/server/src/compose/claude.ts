/**
 * Claude as the engine of sessions and executions. Its modules are loaded with the first run that needs them, and its
 * self-test runs in a process of its own: together they are a third of the memory of a server at rest.
 */
import { execFile } from 'node:child_process'
import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { messageOf } from '@millrace/protocol'
import type { AgentEngine } from '#agents/agent'
import type { ClaudeEngineOptions } from '#agents/claude/engine/engine'
import type { SelfTestOptions } from '#agents/claude/engine/self-test'
import type { SelfTest } from '#runners/kind'

const testTimeoutMs = 60_000

export function claudeEngine(options: ClaudeEngineOptions): Pick<AgentEngine, 'start'> {
  return {
    start: async (task, host) => {
      const { createClaudeEngine } = await import('#agents/claude/engine/engine')
      return createClaudeEngine(options).start(task, host)
    },
  }
}

/** Runs the self-test. Never rejects. `signal` ends its process. */
export async function testClaude(
  { agent, policy, hidden, home }: SelfTestOptions,
  signal: AbortSignal,
): Promise<SelfTest> {
  try {
    const found = await runProgram(JSON.stringify({ agent, policy, hidden, home }), signal)
    return JSON.parse(found) as SelfTest
  } catch (error) {
    return { problems: [`The self-test of agents failed: ${messageOf(error)}`], warnings: [] }
  }
}

/** The program needs nothing of the server's environment, which may hold secrets. */
function runProgram(input: string, signal: AbortSignal): Promise<string> {
  const cache = getCompileCacheDir()
  const env = cache === undefined ? {} : { NODE_COMPILE_CACHE: dirname(cache) }
  return new Promise((resolve, reject) => {
    const args = [fileURLToPath(import.meta.resolve('#agents/claude/engine/self-test-main'))]
    const child = execFile(
      process.execPath,
      args,
      { env, signal, timeout: testTimeoutMs },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout)
        else reject(new Error(stderr.trim().split('\n').at(-1) || messageOf(error)))
      },
    )
    // A program that ends early has a reason of its own.
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
  })
}
