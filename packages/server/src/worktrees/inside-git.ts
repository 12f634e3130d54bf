/** Git inside the boundary, for what reads or writes the content of a tree, as a run in that tree would. */
import { text } from 'node:stream/consumers'
import type { Sandbox } from '@millrace/sandbox'
import { GitFailure, wordsOf } from './host-git.ts'

export interface InsideCommand {
  /** Names the processes, should they outlive a crash. */
  runId: string
  /** The directory that may be written. */
  directory: string
  script: string
  args?: readonly string[]
  input?: string
}

const timeoutMs = 120_000
/** No hooks: they belong to the owner, and may run what is in the tree. */
const preamble = `set -eu
git() { command git -c core.hooksPath=/dev/null -c core.fsmonitor=false -c core.quotePath=false -c gc.auto=0 "$@"; }
`
const environment = { LC_ALL: 'C.UTF-8', GIT_TERMINAL_PROMPT: '0' }

export interface Ran {
  code: number | null
  stdout: string
  stderr: string
}

export class InsideGit {
  readonly #sandbox: Pick<Sandbox, 'spawn'>

  constructor(sandbox: Pick<Sandbox, 'spawn'>) {
    this.#sandbox = sandbox
  }

  async run({ runId, directory, script, args = [], input = '' }: InsideCommand): Promise<Ran> {
    const child = await this.#sandbox.spawn({
      runId,
      argv: ['sh', '-c', preamble + script, 'git', ...args],
      cwd: directory,
      projectPath: directory,
      env: environment,
      network: false,
      allowNestedSandbox: false,
      limits: {},
    })
    const timer = setTimeout(() => void child.end(0), timeoutMs)
    try {
      child.stdin.on('error', () => {})
      child.stdin.end(input)
      const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), child.exited])
      return { code: exit.code, stdout, stderr }
    } finally {
      clearTimeout(timer)
      await child.end(0)
    }
  }

  /** Returns what the script prints. Throws `GitFailure` with git's words. */
  async text(command: InsideCommand): Promise<string> {
    const { code, stdout, stderr } = await this.run(command)
    if (code === 0) return stdout.replace(/\n$/, '')
    throw new GitFailure(wordsOf(stderr))
  }
}
