/** The real command line, in a process of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../../packages/server/bin/millrace.js', import.meta.url))

export interface CliProcess {
  pid: number
  stdout: () => string
  stderr: () => string
  /** Resolves when this text has been written to stdout or stderr. */
  says: (text: string) => Promise<void>
  /** Its exit code; null when a signal ended it. */
  exited: Promise<number | null>
  kill: (signal: NodeJS.Signals) => void
}

export interface CliOptions {
  cwd: string
  env?: Record<string, string>
}

export function millrace(args: readonly string[], { cwd, env }: CliOptions): CliProcess {
  // What the test's own surroundings say of servers must not be heard.
  const { MILLRACE_URL: _url, MILLRACE_TOKEN: _token, MILLRACE_DATA: _data, ...inherited } = process.env
  const child = spawn(process.execPath, [program, ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...inherited, ...env },
  })
  const written = { stdout: '', stderr: '' }
  const waiting = new Set<() => void>()
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      written[name] += text
      for (const check of waiting) check()
    })
  }
  const exited = once(child, 'close').then(([code]) => code as number | null)
  return {
    pid: child.pid ?? 0,
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    exited,
    kill: (signal) => child.kill(signal),
    says: (text) =>
      new Promise((said, missed) => {
        const check = () => {
          if (!written.stdout.includes(text) && !written.stderr.includes(text)) return
          waiting.delete(check)
          said()
        }
        waiting.add(check)
        check()
        void exited.then((code) => {
          if (!waiting.has(check)) return
          missed(new Error(`exit ${code} without ${text}\n${written.stdout}\n${written.stderr}`))
        })
      }),
  }
}

/** Runs a command to its end. */
export async function millraceToEnd(
  args: readonly string[],
  options: CliOptions,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const cli = millrace(args, options)
  const code = await cli.exited
  return { code, stdout: cli.stdout(), stderr: cli.stderr() }
}
