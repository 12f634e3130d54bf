/** The command line with a home of its own: in this process, or as a child process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { main } from '#cli/program'
import { defaultDataDir } from '#config/data-dir'
import { workspace } from '#test/config/workspace'

export const bin = fileURLToPath(new URL('../../bin/millrace.js', import.meta.url))

export interface Place {
  /** The directory in which the command is called. */
  cwd: string
  /** The data directory of a server started there. */
  dataDir: string
  env: NodeJS.ProcessEnv
}

export function place(files: Parameters<typeof workspace>[0] = {}): Place {
  const root = workspace({ 'state/': '' })
  const cwd = join(root, 'app')
  mkdirSync(cwd)
  const { PATH, NODE_COMPILE_CACHE } = process.env
  const env = { PATH, HOME: root, XDG_STATE_HOME: join(root, 'state'), NODE_COMPILE_CACHE }
  for (const [name, content] of Object.entries(files)) writeInto(cwd, name, content)
  return { cwd, dataDir: defaultDataDir(env, cwd), env }
}

function writeInto(cwd: string, name: string, content: string | object): void {
  writeFileSync(join(cwd, name), typeof content === 'string' ? content : JSON.stringify(content))
}

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface Running {
  process: ChildProcess
  /** Resolves once the text has been written. */
  says(text: string, stream?: 'stdout' | 'stderr'): Promise<void>
  /** The lines of stdout so far. */
  text(): string[]
  ended: Promise<Ended>
}

export function start(args: readonly string[], where: Place, env: NodeJS.ProcessEnv = {}): Running {
  return startScript(bin, args, where, env)
}

export function startScript(
  script: string,
  args: readonly string[],
  where: Place,
  env: NodeJS.ProcessEnv = {},
): Running {
  const child = spawn(process.execPath, [script, ...args], {
    cwd: where.cwd,
    env: { ...where.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
  })
  const text = { stdout: '', stderr: '' }
  const listeners = new Set<() => void>()
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk
      for (const listener of listeners) listener()
    })
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      resolve({ code, signal, ...text })
      for (const listener of listeners) listener()
    })
  })
  const says = (wanted: string, stream: 'stdout' | 'stderr' = 'stdout') =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (text[stream].includes(wanted)) resolve()
        else if (child.exitCode !== null)
          reject(new Error(`ended without "${wanted}": ${JSON.stringify(text)}`))
        else return
        listeners.delete(look)
      }
      listeners.add(look)
      look()
    })
  return { process: child, says, text: () => text.stdout.split('\n'), ended }
}

/** Runs the command line in this process and returns its output and exit code, without 0.6 s for a program's start. */
export async function run(
  args: readonly string[],
  where: Place,
  env: NodeJS.ProcessEnv = {},
  input?: string,
): Promise<Ended> {
  const stdout = new Collected()
  const stderr = new Collected()
  const stdin = input === undefined ? {} : { stdin: Readable.from([Buffer.from(input)]) }
  const io = { ...stdin, stdout, stderr, env: { ...where.env, ...env }, cwd: where.cwd }
  const code = await main(args, io)
  return { code, signal: null, stdout: stdout.text, stderr: stderr.text }
}

/** The same in a process of its own, for what only a process has, such as colours. */
export function runProgram(
  args: readonly string[],
  where: Place,
  env: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  return start(args, where, env).ended
}

class Collected extends Writable {
  text = ''

  constructor() {
    super({ decodeStrings: false })
  }

  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    this.text += chunk
    done()
  }
}

// The tests decide about colours, whatever the environment of the suite requests.
delete process.env.FORCE_COLOR
