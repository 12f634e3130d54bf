/** Git inside the boundary, for what reads or writes the content of a tree, as a run in that tree would. */
import type { Readable } from 'node:stream'
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
  /** Git is killed then. */
  timeoutMs?: number
}

const timeoutDefaultMs = 120_000
/** A run decides what its tree says: more than this is not kept in memory. */
const outputBytesMax = 16 * 1024 ** 2
const errorBytesMax = 64 * 1024
/** No hooks: they belong to the owner, and may run what is in the tree. */
const preamble = `set -eu
git() { command git -c core.hooksPath=/dev/null -c core.fsmonitor=false -c core.quotePath=false -c gc.auto=0 "$@"; }
`
const environment = { LC_ALL: 'C.UTF-8', GIT_TERMINAL_PROMPT: '0' }

export interface Ran {
  /** Null: it was killed, or said too much. */
  code: number | null
  stdout: string
  /** Whether there was more than `stdout` has. Git was killed then. */
  isCut: boolean
  stderr: string
}

export class InsideGit {
  readonly #sandbox: Pick<Sandbox, 'spawn'>

  constructor(sandbox: Pick<Sandbox, 'spawn'>) {
    this.#sandbox = sandbox
  }

  async run(command: InsideCommand): Promise<Ran> {
    const { runId, directory, script, args = [], input = '', timeoutMs = timeoutDefaultMs } = command
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
      const [stdout, stderr, exit] = await Promise.all([
        upTo(outputBytesMax, child.stdout, () => void child.end(0)),
        upTo(errorBytesMax, child.stderr),
        child.exited,
      ])
      const { text, isCut } = stdout
      return { code: isCut ? null : exit.code, stdout: text, isCut, stderr: stderr.text }
    } finally {
      clearTimeout(timer)
      await child.end(0)
    }
  }

  /** Returns what the script prints. Throws `GitFailure` with git's words. */
  async text(command: InsideCommand): Promise<string> {
    const { code, stdout, isCut, stderr } = await this.run(command)
    if (code === 0) return stdout.replace(/\n$/, '')
    throw new GitFailure(isCut ? 'git said more than is read of it' : wordsOf(stderr))
  }
}

/** Reads to the end and keeps the first bytes, so that the program never waits for a reader. */
async function upTo(
  bytesMax: number,
  stream: Readable,
  passed: () => void = () => {},
): Promise<{ text: string; isCut: boolean }> {
  const kept: Buffer[] = []
  let bytes = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (bytes <= bytesMax && bytes + chunk.length > bytesMax) passed()
    if (bytes < bytesMax) kept.push(chunk.subarray(0, bytesMax - bytes))
    bytes += chunk.length
  }
  return { text: Buffer.concat(kept).toString(), isCut: bytes > bytesMax }
}
