/** A process of the benchmark: it says one line of JSON when it is ready, and is ended by its pid. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Scratch } from './scratch.ts'

export interface Child {
  process: ChildProcess
  pid: number
  /** Ends it at once and waits until it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>
}

const settle = new URL('./settle.ts', import.meta.url)
/** Given to Node for a server whose memory is measured. */
export const settling = ['--expose-gc', '--import', settle.href]

export function startChild(
  command: readonly [string, ...string[]],
  scratch: Scratch,
  options: SpawnOptions = {},
): Child {
  const [program, ...args] = command
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], ...options })
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  const kill = async (signal: NodeJS.Signals = 'SIGKILL') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    await exited
  }
  scratch.onRelease(() => kill())
  if (child.pid === undefined) throw new Error(`${program} could not be started`)
  return { process: child, pid: child.pid, kill }
}

/** A module of the benchmark as a process of its own. */
export function nodeCommand(
  module: string,
  base: string,
  args: readonly (string | number)[] = [],
): [string, ...string[]] {
  return [process.execPath, fileURLToPath(new URL(module, base)), ...args.map(String)]
}

/** The first line of JSON a child prints; a library may have had something to say before it. */
export async function firstLine<Told>({ process: child }: Child): Promise<Told> {
  if (child.stdout === null) throw new Error('the child has no pipe')
  const lines = createInterface(child.stdout)
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const died = (code: number | null, signal: string | null) =>
    reject(new Error(`a process of the benchmark ended before it was ready (${code ?? signal})`))
  child.once('exit', died)
  lines.on('line', (line) => {
    if (line.startsWith('{')) resolve(line)
  })
  const line = await promise
  child.off('exit', died)
  lines.close()
  // Nobody reads the rest; a child that writes more must not block.
  child.stdout.resume()
  return JSON.parse(line) as Told
}

/** Runs a module of the benchmark to its end; the last line it prints is its result, others may be a library's. */
export async function runToEnd<Told>(
  command: readonly [string, ...string[]],
  scratch: Scratch,
): Promise<Told> {
  const child = startChild(command, scratch)
  let text = ''
  child.process.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  const [code] = (await once(child.process, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${command[1]} failed with code ${code}`)
  return JSON.parse(text.trim().split('\n').at(-1) ?? '') as Told
}
