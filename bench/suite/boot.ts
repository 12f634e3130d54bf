/**
 * `boot`: from the start of the program until it listens, and one command of its client. `rest`: what the server then
 * holds. All without a configuration, so with the demo, as `npx millrace serve` starts it.
 *
 * Beside it: the same sources without their bundle, and the least that Node itself takes for a server of its kind, which has an
 * HTTP server and two threads with SQLite.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Board } from '../measure/board.ts'
import { type Child, firstLine, startChild } from '../measure/child.ts'
import { cpuSeconds, residentBytes, threads } from '../measure/proc.ts'
import type { Scratch } from '../measure/scratch.ts'
import { chosen, type Options } from '../options.ts'
import { interleaved } from './rounds.ts'

const inServer = (path: string) => fileURLToPath(new URL(`../../packages/server/${path}`, import.meta.url))
const flag = '--max-semi-space-size=16'

interface Side {
  name: string
  /** Null for what is no program of ours. */
  program: string | null
  environment: Record<string, string>
}

/** As text: a file in TypeScript would have its types removed, which takes 20 MB. */
const bare = `
  const { createServer } = require('node:http')
  const { Worker } = require('node:worker_threads')
  const thread = "const { DatabaseSync } = require('node:sqlite'); const { parentPort } = require('node:worker_threads');"
    + "const db = new DatabaseSync(':memory:'); parentPort.on('message', () => db.close()); parentPort.postMessage('open')"
  const opened = [1, 2].map(() => new Promise((open) => new Worker(thread, { eval: true }).once('message', open)))
  createServer((request, response) => response.end()).listen(0, '127.0.0.1', () =>
    Promise.all(opened).then(() => console.log('{"event":"listening"}')))`
const sides: Side[] = [
  { name: 'millrace', program: inServer('bin/millrace.js'), environment: {} },
  {
    name: 'its sources',
    program: inServer('src/main.ts'),
    environment: { NODE_COMPILE_CACHE: '/tmp/millrace-bench-compiled' },
  },
  { name: 'bare Node', program: null, environment: {} },
]

const bundled = 'millrace'
const whole = 'until it listens'
const cpu = 'processor time'

export async function boot(options: Options): Promise<Board> {
  const board = new Board('boot: from the start to listening, and one command', [
    { name: whole, unit: 'ms' },
    { name: 'until it ended', unit: 'ms' },
    { name: cpu, unit: 'ms' },
  ])
  const measured = chosen(sides, options)
  await warm(measured)
  const label = 'start of a server'
  await interleaved('boot', measured, options.rounds, async (side, scratch) => {
    const startedAt = performance.now()
    const { child, data } = await listen(side, scratch)
    board.add(label, side.name, {
      [whole]: performance.now() - startedAt,
      [cpu]: cpuSeconds([child.pid]) * 1000,
    })
    if (side.program === null) return
    board.add('millrace runs', side.name, await command(side, ['runs', '--data', data]))
  })
  board.expectValue('until it listens, ms', { atMost: 500 }, board.median(label, bundled, whole))
  board.expectValue(
    'millrace runs, ms',
    { atMost: 250 },
    board.median('millrace runs', bundled, 'until it ended'),
  )
  return board
}

export async function rest(options: Options): Promise<Board> {
  const board = new Board('rest: a fresh server that nobody uses', [
    { name: 'resident', unit: 'MB' },
    { name: 'threads', unit: '' },
    { name: 'processor time a second', unit: 'ms' },
  ])
  const measured = chosen(sides, options)
  await warm(measured)
  const label = `after ${options.seconds} s`
  await interleaved('rest', measured, options.rounds, async (side, scratch) => {
    const { child } = await listen(side, scratch)
    // Its self-test begins after one second.
    await sleep(3000)
    const before = cpuSeconds([child.pid])
    await sleep(options.seconds * 1000)
    board.add(label, side.name, {
      resident: residentBytes([child.pid]) / 1e6,
      threads: threads(child.pid),
      'processor time a second': ((cpuSeconds([child.pid]) - before) / options.seconds) * 1000,
    })
  })
  board.expectValue('resident, MB', { atMost: 100 }, board.median(label, bundled, 'resident'))
  return board
}

/** The first start makes the bundle, and compiles. */
async function warm(measured: readonly Side[]): Promise<void> {
  await interleaved('warm-up', measured, 1, async (side, scratch) => {
    await listen(side, scratch)
    // Longer than it takes until the compiled code is on the disk.
    await sleep(6000)
  })
}

async function listen(side: Side, scratch: Scratch): Promise<{ child: Child; data: string }> {
  const folder = scratch.folder()
  const project = join(folder, 'project')
  const data = join(folder, 'data')
  mkdirSync(project)
  const args =
    side.program === null ? ['--eval', bare] : [side.program, 'serve', '--port', '0', '--data', data]
  const child = startChild([process.execPath, flag, ...args], scratch, {
    cwd: project,
    env: { ...process.env, LOG_LEVEL: 'error', ...side.environment },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await firstLine(child)
  return { child, data }
}

/** Bash reports the processor time of what it ran. */
async function command(side: Side, args: readonly string[]): Promise<Record<string, number>> {
  const script = 'TIMEFORMAT="%R %U %S"; time "$@" >/dev/null'
  const child = spawn('bash', ['-c', script, 'bash', process.execPath, flag, side.program ?? '', ...args], {
    env: { ...process.env, ...side.environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const [said] = await Promise.all([text(child.stderr), once(child, 'exit')])
  const [real = Number.NaN, user = Number.NaN, system = Number.NaN] = said
    .trim()
    .split(' ')
    .map((part) => Number(part.replace(',', '.')))
  return { 'until it ended': real * 1000, [cpu]: (user + system) * 1000 }
}
