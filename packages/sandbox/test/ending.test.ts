import { execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from '@millrace/test-support/until'
import { finish, isRoot, ordinaryUser, Workspace } from '@millrace/test-support/workspace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { homePrefixOf } from '#homes/own-homes'
import { LimitWatch, scratchOf } from '#limits'
import { endLeftovers } from '#processes/leftovers'
import { carriersOf, isRunning, startTimeOf } from '#processes/processes'
import type { Sandbox } from '#sandbox'

const workspace = new Workspace()
const project = workspace.project('project')
const theirs = workspace.project('theirs', 'somebody')
let contained: Sandbox
let loose: Sandbox

beforeAll(async () => {
  contained = await workspace.open([project, theirs])
  loose = await workspace.open([project, theirs], { mode: 'off' })
})
afterAll(() => workspace.close())

const tree =
  'trap "" TERM; sleep 300 & (setsid sleep 300 &) ; sh -c "trap \\"\\" TERM HUP; sleep 300 & wait" & echo ready; wait; sleep 300'

describe.each([
  ['inside bubblewrap', () => contained, project],
  ['inside bubblewrap, as another user', () => contained, theirs],
  ['without a boundary', () => loose, project],
  ['without a boundary, as another user', () => loose, theirs],
])('%s', (_name, sandboxOf, path) => {
  it.each([
    ['an exit code', 'exit 7', { code: 7, signal: null }],
    ['success', 'true', { code: 0, signal: null }],
    ['a signal', 'kill -KILL $$', { code: null, signal: 'SIGKILL' }],
    ['another signal', 'kill -ABRT $$', { code: null, signal: 'SIGABRT' }],
  ])('the end of a program is reported as it was: %s', async (_what, script, exit) => {
    expect((await workspace.sh(sandboxOf(), path, script)).exit).toEqual(exit)
  })

  it('the output of a program that ended before anybody listened is kept', async () => {
    const child = await workspace.spawn(sandboxOf(), path, ['sh', '-c', 'echo out; echo err >&2'])
    await until(() => !isRunning(child))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await finish(child)).toEqual({ stdout: 'out\n', stderr: 'err\n', exit: { code: 0, signal: null } })
  })

  // Failed before: only a reader that listens had its output ended, and not one that iterates, as here.
  it('a foreign process that holds the output open delays neither the run nor the end of its output', async () => {
    const child = await workspace.spawn(sandboxOf(), path, ['sh', '-c', 'echo said; read -r line'])
    const held = openSync(`/proc/${child.pid}/fd/1`, 'w')
    try {
      expect(await finish(child)).toMatchObject({ stdout: 'said\n', stderr: '' })
      await until(() => child.stdout.destroyed)
    } finally {
      closeSync(held)
    }
  })

  it('end() lets a program clean up after itself', async () => {
    const child = await workspace.spawn(sandboxOf(), path, [
      'sh',
      '-c',
      'trap "echo bye; exit 5" TERM; echo ready; while :; do sleep 0.02; done',
    ])
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += String(chunk)
    })
    child.stderr.resume()
    await until(() => output === 'ready\n')
    await child.end(100_000)
    expect(await child.exited).toEqual({ code: 5, signal: null })
    await until(() => output === 'ready\nbye\n')
  })

  it('end() ends also what ignores being asked, and every descendant', async () => {
    const runId = randomUUID()
    const child = await workspace.spawn(sandboxOf(), path, ['sh', '-c', tree], { runId })
    child.stderr.resume()
    await new Promise((resolve) => child.stdout.once('data', resolve))
    await until(() => carriersOf(new Set([runId])).length >= 5)
    await Promise.all([child.end(50), child.end(100)])
    expect(carriersOf(new Set([runId]))).toEqual([])
    expect(isRunning(child)).toBe(false)
    expect((await child.exited).signal).toBe('SIGKILL')
    await child.end(1000)
  })

  it('what a program leaves behind is ended when it ends', async () => {
    const runId = randomUUID()
    const { stdout } = await workspace.sh(
      sandboxOf(),
      path,
      '(setsid nohup sleep 300 &); sleep 300 & echo left',
      { runId },
    )
    expect(stdout).toBe('left\n')
    expect(carriersOf(new Set([runId]))).toEqual([])
  })

  it('a program that is not there is refused in words', async () => {
    const script = join(path, 'script')
    writeFileSync(script, '#!/no/such/interpreter\n', { mode: 0o755 })
    writeFileSync(join(path, 'data'), 'text', { mode: 0o644 })
    const start = (program: string) => workspace.spawn(sandboxOf(), path, [program])
    await expect(start('no-such-program')).rejects.toThrow(
      /no-such-program was not found on the PATH of runs/,
    )
    await expect(start('./nothing')).rejects.toThrow(/\.\/nothing was not found/)
    await expect(start('./script')).rejects.toThrow(/needs the interpreter \/no\/such\/interpreter/)
    await expect(start('./data')).rejects.toThrow(/is not executable/)
    await expect(start(path)).rejects.toThrow(/is a directory/)
  })

  it('backpressure reaches the program: what is not read is not written', async () => {
    const child = await workspace.spawn(sandboxOf(), path, [
      'sh',
      '-c',
      'yes | head -c 20000000; touch written',
    ])
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(existsSync(join(path, 'written'))).toBe(false)
    expect(child.stdout.readableLength).toBeLessThan(1_000_000)
    const { stdout } = await finish(child)
    expect(stdout.length).toBe(20_000_000)
    await workspace.sh(sandboxOf(), path, 'rm -f written')
  })
})

describe('inside bubblewrap', () => {
  it('a program that the kernel refuses differs from one that failed', async () => {
    // A program whose loader does not exist: only the kernel notices.
    const program = readFileSync('/bin/true').toString('latin1').replace('/ld-linux', '/no-linux')
    writeFileSync(join(project, 'unloadable'), program, { encoding: 'latin1', mode: 0o755 })
    const child = await workspace.spawn(contained, project, ['./unloadable'])
    const { exit, stderr } = await finish(child)
    expect(exit.neverBegan).toBe(true)
    expect(stderr).toMatch(/cannot execute \.\/unloadable/)
  })

  it('a program that exists but cannot be seen is refused with advice', async () => {
    const hidden = join(workspace.root, 'hidden')
    writeFileSync(hidden, '#!/bin/sh\n', { mode: 0o755 })
    await expect(workspace.spawn(contained, project, [hidden])).rejects.toThrow(
      /add its directory to sandbox\.read/,
    )
  })

  it('everything dies with the server, also when that is killed', async () => {
    const runId = randomUUID()
    const args = { mode: 'required', dataDir: workspace.dataDir, project: theirs, script: tree, runId }
    const server = spawn(
      process.execPath,
      [fileURLToPath(new URL('support/stand-in-server.ts', import.meta.url)), JSON.stringify(args)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const runs = new Set([runId])
    server.stdout.resume()
    await until(() => carriersOf(runs).length >= 5)
    server.kill('SIGKILL')
    await until(() => carriersOf(runs).length === 0)
    // What the killed one could not remove, the next one does.
    await (await workspace.open([theirs])).close()
  })
})

describe('leftovers of a server that was killed', () => {
  it('are found by their environment and ended, with their descendants', async () => {
    const runId = randomUUID()
    const args = { mode: 'off', dataDir: workspace.dataDir, project, script: tree, runId }
    const server = spawn(
      process.execPath,
      [fileURLToPath(new URL('support/stand-in-server.ts', import.meta.url)), JSON.stringify(args)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const runs = new Set([runId])
    server.stdout.resume()
    await until(() => carriersOf(runs).length >= 5)
    server.kill('SIGKILL')
    await new Promise((resolve) => server.once('exit', resolve))
    expect(carriersOf(runs).length).toBeGreaterThanOrEqual(5)
    expect(await endLeftovers([{ id: runId, process: null }])).toBeGreaterThanOrEqual(5)
    expect(carriersOf(runs)).toEqual([])
    const homes = () =>
      readdirSync(tmpdir()).filter((name) => name.startsWith(basename(homePrefixOf(workspace.dataDir))))
    expect(homes()).toHaveLength(1)
    await (await workspace.open([project], { mode: 'off' })).close()
    expect(homes()).toEqual([])
  })

  it('are found by pid and start time, where the environment tells nothing', async () => {
    const child = execFile('sleep', ['300'], { env: {} })
    const pid = child.pid ?? 0
    const startTime = startTimeOf(pid)
    const id = randomUUID()
    expect(await endLeftovers([{ id, process: { pid, startTime: startTime + 1 } }])).toBe(0)
    expect(isRunning({ pid, startTime })).toBe(true)
    expect(await endLeftovers([{ id, process: { pid, startTime } }])).toBe(1)
    expect(isRunning({ pid, startTime })).toBe(false)
  })

  it('are none where all runs ended well', async () => {
    expect(await endLeftovers([{ id: randomUUID(), process: null }])).toBe(0)
    expect(await endLeftovers([])).toBe(0)
  })
})

describe('limits', () => {
  const blow = 'const kept = []; setInterval(() => kept.push(Buffer.alloc(20e6, 1)), 20)'

  it.each([
    ['inside', () => contained, project],
    ['inside, as another user', () => contained, theirs],
    ['outside', () => loose, project],
  ])('memory: a run that takes more is ended (%s)', async (_name, sandboxOf, path) => {
    const child = await workspace.spawn(sandboxOf(), path, ['node', '-e', blow], {
      limits: { memoryBytes: 200e6 },
    })
    const { exit } = await finish(child)
    expect(child.breach).toBe('memory')
    expect(exit).toEqual({ code: null, signal: 'SIGKILL' })
  })

  it('memory: what is written into the private directories in memory counts', async () => {
    const child = await workspace.spawn(
      contained,
      project,
      ['sh', '-c', 'head -c 100000000 /dev/zero > /tmp/big; sleep 300'],
      {
        limits: { memoryBytes: 50e6 },
      },
    )
    await finish(child)
    expect(child.breach).toBe('memory')
  })

  it.each([
    ['inside', () => contained, project],
    ['inside, as another user', () => contained, theirs],
    ['outside', () => loose, project],
  ])('processes: a run that has more is ended (%s)', async (_name, sandboxOf, path) => {
    const script = 'i=0; while [ $i -lt 20 ]; do sleep 300 & i=$((i+1)); done; wait'
    const child = await workspace.spawn(sandboxOf(), path, ['sh', '-c', script], {
      limits: { processes: 10 },
    })
    await finish(child)
    expect(child.breach).toBe('processes')
  })

  it.runIf(isRoot)('processes: a fork bomb of another user is bounded by the kernel meanwhile', async () => {
    const script = `i=0; while [ $i -lt 300 ]; do sleep 300 & i=$((i+1)); done; echo all`
    const child = await workspace.spawn(contained, theirs, ['bash', '-c', script], {
      limits: { processes: 5 },
    })
    const { stdout } = await finish(child)
    expect(stdout).not.toContain('all')
    expect(ordinaryUser.uid).toBeGreaterThan(0)
  })

  it('memory: a run that still has the root of the server is not charged with the files there', async () => {
    const watch = new LimitWatch()
    const breaches: string[] = []
    const run = (name: string, scratch: () => readonly string[]) => ({
      limits: { memoryBytes: 1 },
      members: () => [],
      scratch,
      breached: () => void breaches.push(name),
    })
    // Like this process, the first process of a sandbox has the server's root until it has built its own.
    const stop = [
      watch.watch(run('early', scratchOf(process.pid, ['/']))),
      watch.watch(run('full', () => ['/'])),
    ]
    await until(() => breaches.length > 0)
    expect(breaches).toEqual(['full'])
    for (const unwatch of stop) unwatch()
  })

  it('a run within its limits is left alone', async () => {
    const limits = { memoryBytes: 500e6, processes: 20 }
    const child = await workspace.spawn(contained, project, ['node', '-e', 'setTimeout(() => {}, 600)'], {
      limits,
    })
    const { exit } = await finish(child)
    expect(exit).toEqual({ code: 0, signal: null })
    expect(child.breach).toBeUndefined()
  })
})
