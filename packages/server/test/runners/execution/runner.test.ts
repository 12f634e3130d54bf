import { until } from '@millrace/test-support/until'
import { describe, expect, it } from 'vitest'
import { emptyTables } from '#store/memory/tables'
import { ann, expectNothingUnhandled, logOf, untilOver } from '#test/runs/support/rig'
import {
  type Act,
  completed,
  ended,
  openExecutions,
  plan,
  startCall,
  startExecution,
  storyOf,
} from './support/rig.ts'

expectNothingUnhandled()

/** Begins a plan and two calls, one within the other, and works until it is cancelled. */
const workUntilCancelled: Act = async ({ host, cancelled }) => {
  await host.started({ model: 'm' })
  await host.report([plan, startCall('outer'), startCall('inner', 'outer')])
  await cancelled
  return ended('cancelled')
}

const types = (events: { type: string }[]) => events.map(({ type }) => type)

describe('an execution that completes', () => {
  it('its log tells the beginning, the plan, each phase with its calls, and the end, in this order', async () => {
    const rig = await openExecutions(async ({ host }) => {
      await host.started({ model: 'm' })
      await host.report([{ move: 'step' }, { move: 'thought', thought: 'Hm' }, plan, startCall('a')])
      await host.report([
        { move: 'tool-output', toolCallId: 'a', text: 'ok' },
        { move: 'tool-complete', toolCallId: 'a', status: 'ok', result: 'ok' },
        { move: 'phase-start', phaseId: 'mend' },
        { move: 'usage', tokens: { inputTokens: 10, outputTokens: 2 }, costUsd: 0.5 },
      ])
      return completed
    })
    const { id } = await startExecution(rig)
    const run = await untilOver(rig.runs, id)
    const log = await logOf(rig.store, id)
    expect(types(log)).toEqual([
      'run:queued',
      'run:started',
      'execution:started',
      'thinking',
      'plan:created',
      'phase:start',
      'tool:start',
      'tool:output',
      'tool:complete',
      'phase:complete',
      'phase:start',
      'usage',
      'phase:complete',
      'execution:complete',
    ])
    expect(log[1]?.data).toEqual({ attempt: 1, model: 'm' })
    expect(log.at(-1)?.data).toEqual({ result: { text: 'All green' }, duration: 0, tokensUsed: 12 })
    expect(run).toMatchObject({
      state: 'completed',
      outcome: 'success',
      result: { text: 'All green' },
      usage: { tokens: { inputTokens: 10, outputTokens: 2 }, costUsd: 0.5 },
    })
    await storyOf(rig, id)
  })

  it('an agent that reports before it says that it started has started', async () => {
    const rig = await openExecutions(async ({ host }) => {
      void host.report([startCall('a')])
      return completed
    })
    const { id } = await startExecution(rig)
    await untilOver(rig.runs, id)
    expect(types(await logOf(rig.store, id)).slice(0, 4)).toEqual([
      'run:queued',
      'run:started',
      'execution:started',
      'phase:start',
    ])
    await storyOf(rig, id)
  })

  it('the agent is given the task with its context, its limits and the project', async () => {
    const rig = await openExecutions(async () => completed)
    const context = { branch: 'main' }
    const { id } = await startExecution(rig, {
      context,
      model: 'scripted:priced',
      limits: { usd: 2, iterations: 3 },
    })
    await untilOver(rig.runs, id)
    expect(rig.engine.tasks).toEqual([
      {
        runId: id,
        prompt: 'Mend it\n\nContext:\n{\n  "branch": "main"\n}',
        projectPath: '/made/up/web',
        cwd: '/made/up/web',
        model: 'scripted:priced',
        transcript: [],
        resumes: false,
        limits: { iterations: 3, tokens: 1000, seconds: 60, usd: 2 },
        cacheOwner: 'ann',
      },
    ])
  })
})

describe('an execution that does not complete', () => {
  it.each([
    ['max_iterations', 'max_iterations'],
    ['budget', 'budget'],
    ['not_resumable', 'not_resumable'],
    ['a word of its own', 'internal'],
  ])(
    'an agent that ends with %s closes what is open, and the error has the code %s',
    async (reason, code) => {
      const rig = await openExecutions(async ({ host }) => {
        await host.report([plan, startCall('a')])
        return ended(reason, 'It ran out')
      })
      const { id } = await startExecution(rig)
      const run = await untilOver(rig.runs, id)
      const story = await storyOf(rig, id)
      expect(story.slice(-3).map(({ type, data }) => [type, (data as { status?: string }).status])).toEqual([
        ['tool:complete', 'cancelled'],
        ['phase:complete', 'incomplete'],
        ['execution:error', undefined],
      ])
      expect(story.at(-1)?.data).toEqual({ error: 'It ran out', code })
      expect(run).toMatchObject({ state: 'errored', error: { message: 'It ran out', code } })
    },
  )

  it('an engine that fails closes what is open; the client reads a message without a stack', async () => {
    const rig = await openExecutions(async ({ host }) => {
      await host.report([plan, startCall('a')])
      throw new Error('a fault of ours')
    })
    const { id } = await startExecution(rig)
    await untilOver(rig.runs, id)
    const story = await storyOf(rig, id)
    expect(story.at(-1)?.data).toEqual({ error: 'a fault of ours', code: 'internal' })
    expect(JSON.stringify(story)).not.toContain(' at ')
  })

  it('a cancel completes the open calls as cancelled, innermost first, before the one error', async () => {
    const rig = await openExecutions(workUntilCancelled)
    const { id } = await startExecution(rig)
    await until(
      async () => types(await logOf(rig.store, id)).filter((type) => type === 'tool:start').length === 2,
    )
    await rig.runs.abort(id, ann)
    const story = await storyOf(rig, id)
    const calls = story.filter(({ type }) => type === 'tool:complete').map(({ data }) => data)
    expect(calls).toMatchObject([
      { toolCallId: 'inner', status: 'cancelled', parentToolCallId: 'outer', phaseId: 'look' },
      { toolCallId: 'outer', status: 'cancelled' },
    ])
    expect(story.at(-1)).toMatchObject({ type: 'execution:error', data: { code: 'cancelled' } })
    expect(await rig.runs.get(id, ann)).toMatchObject({ state: 'aborted' })
  })

  it('the agent of a cancelled execution has less than two seconds for its processes', async () => {
    const given: number[] = []
    const rig = await openExecutions(async ({ host, cancelled }) => {
      await host.started()
      given.push(await cancelled)
      return ended('aborted')
    })
    const { id } = await startExecution(rig)
    await until(async () => types(await logOf(rig.store, id)).includes('execution:started'))
    await rig.runs.abort(id, ann)
    expect(given).toEqual([1500])
  })

  it('a shutdown that an agent outlives closes the story before the terminal event', async () => {
    const forever = Promise.withResolvers<never>()
    const rig = await openExecutions(
      async ({ host }) => {
        await host.report([plan, startCall('a')])
        return forever.promise
      },
      { parts: { shutdownGraceMs: 3000 } },
    )
    const { id } = await startExecution(rig)
    await until(async () => types(await logOf(rig.store, id)).includes('tool:start'))
    const stopped = rig.runs.shutdown()
    await until(async () => (await rig.store.getRun(id))?.cause === 'shutdown')
    rig.clock.advance(2000)
    await until(async () => types(await logOf(rig.store, id)).includes('phase:complete'))
    await stopped
    const story = await storyOf(rig, id)
    expect(types(story).slice(-3)).toEqual(['tool:complete', 'phase:complete', 'execution:interrupted'])
    expect(story.at(-1)?.data).toEqual({ error: expect.stringContaining('shutting down') })
  })
})

describe('the time limit of an execution', () => {
  it('an agent that works for longer is ended, and the error says which limit it reached', async () => {
    const rig = await openExecutions(workUntilCancelled)
    const { id } = await startExecution(rig, { limits: { seconds: 7 } })
    await until(async () => types(await logOf(rig.store, id)).includes('tool:start'))
    rig.clock.advance(6999)
    expect((await rig.runs.get(id, ann)).state).toBe('running')
    rig.clock.advance(1)
    const run = await untilOver(rig.runs, id)
    expect(run.error).toEqual({ message: 'It reached its limit of 7 seconds', code: 'time_limit' })
    await storyOf(rig, id)
  })
})

describe('an agent that failed before its time was over', () => {
  it('keeps its own reason, although it ends after that time', async () => {
    const rig = await openExecutions(async ({ host, cancelled }) => {
      await host.report([plan, startCall('a')])
      await cancelled
      return ended('budget', 'It reached its limit of $1')
    })
    const { id } = await startExecution(rig, { limits: { seconds: 7 } })
    await until(async () => types(await logOf(rig.store, id)).includes('tool:start'))
    rig.clock.advance(7000)
    const run = await untilOver(rig.runs, id)
    expect(run.error).toEqual({ message: 'It reached its limit of $1', code: 'budget' })
  })
})

describe('an execution while the clock of the machine is set', () => {
  it.each([
    ['back', -3_600_000],
    ['ahead', 3_600_000],
  ])('%s has the time to work that it was given, before and after a question', async (_, ms) => {
    const clockIsSet = Promise.withResolvers<void>()
    const rig = await openExecutions(async ({ host, cancelled }) => {
      await host.report([plan])
      await clockIsSet.promise
      const answer = host.gate.permit({ id: 'asked', tool: 'Bash', input: { command: 'eval "$(cat x)"' } })
      await until(async () => types(await logOf(rig.store, id)).includes('permission:requested'))
      host.gate.withdraw('asked')
      await answer
      await host.report([startCall('after')])
      await cancelled
      return ended('cancelled')
    })
    const { id } = await startExecution(rig, { limits: { seconds: 7 }, approvals: 'on' })
    await until(async () => types(await logOf(rig.store, id)).includes('phase:start'))
    rig.setClock(ms)
    rig.clock.advance(3000)
    clockIsSet.resolve()
    await until(async () => types(await logOf(rig.store, id)).includes('tool:start'))
    rig.clock.advance(3999)
    expect((await rig.runs.get(id, ann)).state).toBe('running')
    rig.clock.advance(1)
    expect((await untilOver(rig.runs, id)).error).toMatchObject({ code: 'time_limit' })
  })
})

describe('an execution whose server is killed', () => {
  it('the next server closes what was open in its log, and interrupts it', async () => {
    const tables = emptyTables()
    const first = await openExecutions(workUntilCancelled, { tables })
    const { id } = await startExecution(first)
    await until(
      async () => types(await logOf(first.store, id)).filter((type) => type === 'tool:start').length === 2,
    )
    // The first server is still there, and knows nothing of its death.
    const second = await openExecutions(workUntilCancelled, { tables })
    const story = await storyOf(second, id)
    expect(types(story).slice(-4)).toEqual([
      'tool:complete',
      'tool:complete',
      'phase:complete',
      'execution:interrupted',
    ])
    expect(await second.runs.get(id, ann)).toMatchObject({ state: 'interrupted' })
  })
})

describe('an execution that is resumed', () => {
  it('it has the conversation so far and its limits, and its agent learns what happened while the task stays', async () => {
    const rig = await openExecutions(async ({ task, host }) => {
      await host.started()
      await host.appendTranscript([{ conversation: 'c', subpath: '', json: `${task.transcript.length}` }])
      return ended('budget')
    })
    const first = await startExecution(rig, { context: 'Only once', limits: { iterations: 4 } })
    await untilOver(rig.runs, first.id)
    const resumed = await rig.runs.resume(first.id, ann)
    await untilOver(rig.runs, resumed.id)
    expect(resumed).toMatchObject({ resumes: first.id, spec: { limits: { iterations: 4 }, project: 'web' } })
    expect(resumed.spec).not.toHaveProperty('context')
    expect(rig.engine.tasks[1]).toMatchObject({
      resumes: true,
      prompt: expect.stringMatching(/^You were interrupted/),
      transcript: [{ json: '0' }],
    })
    expect(resumed.spec.task).toBe('Mend it')
    const started = (await storyOf(rig, resumed.id)).find(({ type }) => type === 'execution:started')
    expect(started?.data).toMatchObject({ task: 'Mend it' })
    const third = await rig.runs.resume(resumed.id, ann, { prompt: 'Go on' })
    await untilOver(rig.runs, third.id)
    expect(third.spec).toMatchObject({ task: 'Go on' })
    expect(third.spec).not.toHaveProperty('continuation')
    expect(rig.engine.tasks[2]?.prompt).toBe('Go on')
    const again = await rig.runs.retry(resumed.id, ann)
    await untilOver(rig.runs, again.id)
    expect(rig.engine.tasks[3]?.prompt).toBe(rig.engine.tasks[1]?.prompt)
  })
})
