/** A program of the examples: it prints its address on one line when it listens, and ends in order at SIGTERM. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface Example {
  url: string
  child: ChildProcess
  /** Its exit code and signal, once it has ended. */
  exited: Promise<unknown[]>
  end(): Promise<void>
}

/** `env`: besides that of the test. The port is any free one. */
export async function startExample(main: string, env: Record<string, string>): Promise<Example> {
  const child = spawn(process.execPath, [main], {
    env: { ...process.env, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const exited = once(child, 'exit')
  const ended = exited.then(([code]) => {
    throw new Error(`the example ended with ${code} before it listened`)
  })
  const [url] = (await Promise.race([once(createInterface(child.stdout), 'line'), ended])) as [string]
  ended.catch(() => {})
  return {
    url,
    child,
    exited,
    end: async () => {
      if (child.exitCode === null) child.kill('SIGTERM')
      await exited
    },
  }
}
