import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecutionResponse } from '@millrace/protocol'
import type { Sandbox } from '@millrace/sandbox'
import { carriersOf } from '@millrace/sandbox'
import { ManualClock } from '@millrace/test-support/manual-clock'
import { until } from '@millrace/test-support/until'
import { Workspace } from '@millrace/test-support/workspace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Tool } from '#config/config'
import { createJobRunner } from '#runners/job/runner'
import { defaultProcessLimits } from '#runners/limits'
import { FakeContext, tool } from './support/context.ts'

const workspace = new Workspace()
const project = workspace.project('project')
const full = process.env.MILLRACE_TEST_FULL !== undefined
let contained: Sandbox
let loose: Sandbox

beforeAll(async () => {
  contained = await workspace.open([project])
  loose = await workspace.open([project], { mode: 'off' })
})
afterAll(() => workspace.close())

const sh = (script: string, options: Partial<Tool> = {}) => tool(['sh', '-c', script], options)

function start(
  job: Tool,
  options: { sandbox?: Sandbox; clock?: ManualClock; eventBytes?: number; args?: unknown } = {},
) {
  const { sandbox = contained, clock, eventBytes = 1_048_576, args } = options
  const context = new FakeContext(sandbox, project, { tool: job.id, args }, clock?.now() ?? Date.now())
  const runner = createJobRunner({
    tools: new Map([[job.id, job]]),
    eventBytes,
    ...(clock ? { clock } : {}),
  })
  return { context, run: () => runner.run(context), runner }
}

async function complete(job: Tool, options: Parameters<typeof start>[1] = {}) {
  const { context, run } = start(job, options)
  const outcome = await run()
  expect(outcome.state).toBe('completed')
  expect(carriersOf(new Set([context.run.id]))).toEqual([])
  return { context, outcome, response: outcome.data as unknown as ExecutionResponse }
}

describe('a job', () => {
  it('a job logs its output line by line, and how it ended', async () => {
    const { context, outcome, response } = await complete(
      sh('echo one; echo two; echo oops >&2; printf end; exit 3'),
    )
    expect(context.lines('stdout')).toEqual(['one', 'two', 'end'])
    expect(context.lines('stderr')).toEqual(['oops'])
    expect(context.events.every((event) => event.type === 'output')).toBe(true)
    expect(response).toEqual({
      jobId: context.run.id,
      toolId: 't',
      projectId: 'p',
      success: false,
      exitCode: 3,
      signal: null,
      timedOut: false,
      durationMs: response.finishedAt - response.startedAt,
      queuedMs: response.startedAt - context.run.createdAt,
      outputLines: 4,
      startedAt: expect.any(Number),
      finishedAt: expect.any(Number),
    })
    expect(outcome).toMatchObject({ result: outcome.data, error: null, usage: null })
  })

  it('a job reports its start and its process before anything else', async () => {
    const { context } = await complete(sh('echo x'))
    expect([...context.calls.slice(0, 2)].sort()).toEqual(['recordProcess', 'started'])
    expect(context.calls.slice(2)).toEqual(['emit'])
    expect(context.process?.pid).toBeGreaterThan(0)
    expect(context.process?.startTime).toBeGreaterThan(0)
  })

  it('a job that ends while its start is being stored loses no output', async () => {
    const { context, run } = start(sh('echo quick'))
    context.beforeStarted = () => new Promise((resolve) => setTimeout(resolve, 200))
    await run()
    expect(context.lines()).toEqual(['quick'])
  })

  it('a job succeeds with code 0 only', async () => {
    expect((await complete(sh('true'))).response).toMatchObject({
      success: true,
      exitCode: 0,
      outputLines: 0,
    })
  })

  it('a job reports the signal that ended it', async () => {
    const { response } = await complete(sh('kill -SEGV $$'))
    expect(response).toMatchObject({ success: false, exitCode: null, signal: 'SIGSEGV', timedOut: false })
  })

  it('a job has no input and is asked for colours', async () => {
    const { context } = await complete(sh('cat; echo $TERM $LANG $LC_ALL $CI; pwd', { env: { CI: '1' } }))
    expect(context.lines()).toEqual(['xterm-256color C.UTF-8 C.UTF-8 1', project])
  })

  it('a job gets its arguments unchanged', async () => {
    const args = new Map([
      ['text', { required: true, default: undefined, pattern: undefined, values: undefined }],
    ])
    const job = tool(['printf', '%s|', '{text}', '{projectPath}'], { args })
    const { context } = await complete(job, { args: { text: 'a b; $(echo c)' } })
    expect(context.lines()).toEqual([`a b; $(echo c)|${project}|`])
  })

  it('invalid UTF-8 in the output of a job is replaced', async () => {
    const { context } = await complete(sh("printf 'a\\377b\\303'"))
    expect(context.lines()).toEqual(['a\ufffdb\ufffd'])
  })

  it('a progress bar of a job does not flood the log', async () => {
    const script = 'i=0; while [ $i -lt 3000 ]; do printf "\\r%d%%" $i; i=$((i+1)); done; echo'
    const { context, response } = await complete(sh(script), { clock: new ManualClock() })
    // The clock stands still: one state, and the line.
    expect(context.lines().length).toBeLessThanOrEqual(2)
    expect(context.lines().at(-1)).toBe('2999%')
    expect(response.outputLines).toBe(1)
  })
})

describe('a job that cannot start', () => {
  it.each([
    [
      'the program is missing',
      tool(['no-such-program']),
      /^Could not start: the program no-such-program was not found/,
    ],
    [
      'an argument is missing',
      tool(['x', '{a}'], {
        args: new Map([['a', { required: true, default: undefined, pattern: undefined, values: undefined }]]),
      }),
      /args\.a: a value/,
    ],
  ])('a job that cannot start is errored with the reason: %s', async (_why, job, message) => {
    const { context, run } = start(job)
    const outcome = await run()
    expect(outcome.state).toBe('errored')
    expect(outcome.data).toEqual({ message: expect.stringMatching(message), state: 'errored' })
    expect(outcome.error).toEqual({ message: outcome.data.message })
    expect(context.calls).toEqual([])
  })

  it('a job is errored when its tool or project is no longer configured', async () => {
    const runner = createJobRunner({ tools: new Map(), eventBytes: 1000 })
    const gone = await runner.run(new FakeContext(contained, project, { tool: 'old' }))
    expect(gone.data.message).toMatch(/tool old is no longer in the configuration/)
  })

  it('a job is errored when only the kernel refuses its program', async () => {
    const { readFileSync } = await import('node:fs')
    const program = readFileSync('/bin/true').toString('latin1').replace('/ld-linux', '/no-linux')
    writeFileSync(join(project, 'unloadable'), program, { encoding: 'latin1', mode: 0o755 })
    const { run } = start(tool(['./unloadable']))
    const outcome = await run()
    expect(outcome.state).toBe('errored')
    expect(outcome.data.message).toMatch(/^Could not start: .*unloadable.*No such file/)
  })
})

describe.each([
  ['in the sandbox', () => contained],
  ['without one', () => loose],
])('limits %s', (_name, sandboxOf) => {
  it('a job over its time limit is ended and says so', async () => {
    const clock = new ManualClock()
    const { context, run } = start(
      sh('trap "echo bye; exit 0" TERM; echo ready; while :; do sleep 0.02; done', { timeoutSeconds: 60 }),
      {
        clock,
        sandbox: sandboxOf(),
      },
    )
    const outcome = run()
    await until(() => context.lines().includes('ready'))
    clock.advance(59_000)
    expect(context.calls.filter((call) => call === 'started')).toHaveLength(1)
    clock.advance(1000)
    expect((await outcome).data).toMatchObject({
      success: false,
      timedOut: true,
      exitCode: 0,
      durationMs: 60_000,
    })
    expect(context.lines()).toContain('bye')
    expect(clock.pending).toBe(0)
  })

  it('a job over its output limit is ended and says so', async () => {
    const limits = { memoryBytes: undefined, processes: undefined, outputBytes: 100_000 }
    const { context, response } = await complete(sh('yes', { limits }), { sandbox: sandboxOf() })
    expect(response).toMatchObject({ success: false, limit: 'output', signal: 'SIGKILL' })
    expect(context.lines().join('\n').length).toBeLessThanOrEqual(100_000)
  })

  it('a job whose tool sets no output limit has that of the server', async () => {
    const context = new FakeContext(sandboxOf(), project, { tool: 'yes' })
    const runner = createJobRunner({
      tools: new Map([['yes', { ...sh('yes'), id: 'yes' }]]),
      eventBytes: 1000,
      outputBytes: 50_000,
    })
    expect((await runner.run(context)).data).toMatchObject({ success: false, limit: 'output' })
    expect(context.lines().join('\n').length).toBeLessThanOrEqual(50_000)
  })

  it('a tool without limits gets those of every run', async () => {
    const sandbox = sandboxOf()
    const given: unknown[] = []
    const spawn: Sandbox['spawn'] = (command) => {
      given.push(command.limits)
      return sandbox.spawn(command)
    }
    const some = { memoryBytes: undefined, processes: 7, outputBytes: undefined }
    for (const limits of [undefined, some]) {
      await complete(sh('true', limits && { limits }), { sandbox: { ...sandbox, spawn } })
    }
    expect(given).toEqual([defaultProcessLimits, { ...defaultProcessLimits, processes: 7 }])
  })

  it('a job over its process limit is ended and says so', async () => {
    const limits = { memoryBytes: undefined, processes: 5, outputBytes: undefined }
    const script = 'for i in 1 2 3 4 5 6 7 8 9; do sleep 300 & done; wait'
    const { response } = await complete(sh(script, { limits }), { sandbox: sandboxOf() })
    expect(response).toMatchObject({ success: false, limit: 'processes', timedOut: false })
  })
})

describe.each([
  ['in the sandbox', () => contained],
  ['without one', () => loose],
])('a job that is aborted %s', (_name, sandboxOf) => {
  const stubborn = sh('trap "" TERM; echo ready; (setsid sleep 300 &); while :; do sleep 0.05; done')

  it('a job aborted before its start starts nothing', async () => {
    const { context, run } = start(sh('touch started'), { sandbox: sandboxOf() })
    context.abort()
    await run()
    expect(context.calls).toEqual([])
    expect(existsSync(join(project, 'started'))).toBe(false)
  })

  it('a job aborted while its process starts is ended', async () => {
    const sandbox = sandboxOf()
    const { context, run } = start(stubborn, {
      sandbox: {
        ...sandbox,
        spawn: (command) => {
          context.abort('shutdown')
          return sandbox.spawn(command)
        },
      },
    })
    await run()
    expect(carriersOf(new Set([context.run.id]))).toEqual([])
  })

  it('a job aborted while its start is stored is ended', async () => {
    const { context, run } = start(stubborn, { sandbox: sandboxOf() })
    context.beforeStarted = async () => context.abort('shutdown')
    await run()
    expect(carriersOf(new Set([context.run.id]))).toEqual([])
  })

  it.each(['abort', 'shutdown', 'crash'] as const)(
    'a running job is ended with all it started (%s)',
    async (cause) => {
      const { context, run } = start(stubborn, { sandbox: sandboxOf() })
      const outcome = run()
      await until(() => context.lines().includes('ready'))
      context.abort(cause)
      await outcome
      expect(carriersOf(new Set([context.run.id]))).toEqual([])
    },
  )

  it('a job is ended even while the disk is slow, and its last output is kept', async () => {
    const { context, run } = start(sh('yes'), { sandbox: sandboxOf() })
    context.hold()
    const outcome = run()
    await until(() => context.uncommittedBytes > 4_000_000)
    context.abort()
    await until(() => carriersOf(new Set([context.run.id])).length === 0)
    context.release()
    await outcome
  })

  it('what a job prints while it ends is kept', async () => {
    const { context, run } = start(
      sh('trap "echo bye; exit" TERM; echo ready; while :; do sleep 0.02; done'),
      { sandbox: sandboxOf() },
    )
    const outcome = run()
    await until(() => context.lines().includes('ready'))
    context.abort()
    await outcome
    expect(context.lines()).toEqual(['ready', 'bye'])
  })

  it('the first line of a job is shown while its start is still being stored', async () => {
    const { context, run } = start(sh('echo ready; sleep 60'), { sandbox: sandboxOf() })
    const written = Promise.withResolvers<void>()
    context.beforeStarted = () => written.promise
    const outcome = run()
    await until(() => context.lines().includes('ready'))
    written.resolve()
    context.abort()
    await outcome
    expect([...context.calls.slice(0, 2)].sort()).toEqual(['recordProcess', 'started'])
  })

  it('a job whose start cannot be stored fails and is ended', async () => {
    const { context, run } = start(stubborn, { sandbox: sandboxOf() })
    context.beforeStarted = async () => {
      throw new Error('the attempt is stale')
    }
    await expect(run()).rejects.toThrow('the attempt is stale')
    expect(carriersOf(new Set([context.run.id]))).toEqual([])
  })

  it('the terminal event of an aborted job says why', () => {
    const { context, runner } = start(stubborn)
    expect(runner.endedData(context.run, 'aborted', 'Aborted by request', 'abort')).toEqual({
      message: 'Aborted by request',
      state: 'aborted',
    })
  })
})

describe('much output', () => {
  it('a line of 100 MB keeps its beginning and little memory', async () => {
    const before = process.memoryUsage().rss
    const { context, response } = await complete(
      sh('head -c 100000000 /dev/zero | tr "\\0" x; echo; echo next'),
      {
        eventBytes: 100_000,
      },
    )
    const [long, next] = context.output
    expect(long?.truncated).toEqual(['line'])
    expect(long?.line.length).toBeGreaterThan(99_000)
    expect(next?.line).toBe('next')
    expect(response.outputLines).toBe(2)
    expect(process.memoryUsage().rss - before).toBeLessThan(150_000_000)
  })

  it('a million lines are all logged, in few emits, while memory stays flat', async () => {
    const count = full ? 10_000_000 : 1_000_000
    const { context, run } = start(sh(`seq ${count}`))
    context.keep = false
    const before = process.memoryUsage().rss
    const outcome = await run()
    expect(outcome.data).toMatchObject({ success: true, outputLines: count })
    expect(context.emits).toBeLessThan(count / 100)
    expect(context.mostUncommitted).toBeLessThan(16 * 1024 * 1024)
    expect(process.memoryUsage().rss - before).toBeLessThan(250_000_000)
  })

  it('a child that writes faster than the disk waits for it', async () => {
    mkdirSync(join(project, 'slow'), { recursive: true })
    const { context, run } = start(sh(`yes ${'x'.repeat(999)} | head -c 30000000; touch slow/done`))
    context.keep = false
    context.hold()
    const outcome = run()
    await until(() => context.uncommittedBytes > 4_000_000)
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(existsSync(join(project, 'slow/done'))).toBe(false)
    expect(context.uncommittedBytes).toBeLessThan(12_000_000)
    context.release()
    expect((await outcome).data).toMatchObject({ outputLines: 30_000 })
  })
})
