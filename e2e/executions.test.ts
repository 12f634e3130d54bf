/** Executions of a real server by both engines: the same story, a cancel that stops the work, `kill -9` anywhere. */
import { performance } from 'node:perf_hooks'
import { type AgentPlace, placeFor } from '@millrace/test-support/agents'
import {
  counted,
  type EngineUnderTest,
  engines,
  execute,
  executionToEnd,
  outline,
  planAndWork,
  runOf,
  untilOver,
} from '@millrace/test-support/executions'
import { processesOfRun } from '@millrace/test-support/processes'
import { connect } from '@millrace/test-support/sse'
import { until } from '@millrace/test-support/until'
import { describe, expect, it } from 'vitest'

describe('a scripted execution', () => {
  it('both engines tell the same story, with real tools in a real project', async () => {
    const place = await placeFor({ script: planAndWork, projects: ['web', 'other'] })
    const server = await place.start()
    const stories: string[][] = []
    for (const { model } of engines) {
      const id = await execute(server, { model, projectId: 'web' })
      stories.push(outline(await executionToEnd(server, id)))
      const run = await runOf(server, id)
      expect(run).toMatchObject({ state: 'completed', result: { text: 'All green.' }, kind: 'execution' })
      expect(processesOfRun(id)).toEqual([])
    }
    expect(stories[1]).toEqual(stories[0])
    expect(stories[0]).toEqual([
      'execution:started',
      'thinking I need a plan.',
      'plan:created',
      'phase:start Look',
      'text:delta First I look.',
      'tool:start echo look >> calls.txt; echo look is done',
      'tool:complete ok',
      'phase:complete Look',
      'phase:start Mend',
      'tool:start echo mend-1 >> calls.txt; echo mend-1 is done',
      'tool:start echo mend-2 >> calls.txt; echo mend-2 is done',
      'tool:complete ok',
      'tool:complete ok',
      'phase:complete Mend',
      'text:delta All green.',
      'execution:complete',
    ])
    expect(counted(place)).toEqual({ look: 2, 'mend-1': 2, 'mend-2': 2 })
  })
})

/** A call that ignores SIGTERM and leaves a process in a session of its own. */
const command = 'echo began >> calls.txt; (setsid sleep 4242 &) ; trap "" TERM; while :; do sleep 1; done'
const longWork = {
  name: 'long work',
  steps: engines.map(({ asked, shell }) => ({
    when: { turn: 1, model: asked },
    reply: { content: [{ type: 'tool_use' as const, name: shell, input: { command } }] },
  })),
}

describe('a cancelled execution', () => {
  it.each(engines)('a cancel ends the work of $name with all its processes', async ({ model }) => {
    const place = await placeFor({ script: longWork })
    const server = await place.start()
    const id = await execute(server, { model })
    await until(() => counted(place).began === 1)
    const from = performance.now()
    const response = await server.call(`/api/agent/execute/${id}/cancel`, { method: 'POST' })
    expect(await response.json()).toEqual({ executionId: id, state: 'aborted' })
    const events = await executionToEnd(server, id)
    const ms = Math.round(performance.now() - from)
    expect(processesOfRun(id)).toEqual([])
    // Two seconds are promised; a busy machine may need more.
    expect(ms, 'milliseconds from the cancel to the terminal event').toBeLessThan(10_000)
    if (process.env.MILLRACE_TEST_FULL) console.log(`cancelled in ${ms} ms`)
    expect(outline(events).slice(-3)).toEqual([
      'tool:complete cancelled',
      'phase:complete Work incomplete',
      'execution:error cancelled',
    ])
  })
})

describe('a stop of the server during an execution', () => {
  it.each(engines)(
    'SIGTERM closes the story of $name, ends its processes and interrupts it',
    async (engine) => {
      const place = await placeFor({ script: longWork })
      const server = await place.start()
      const id = await execute(server, { model: engine.model })
      await until(() => counted(place).began === 1)
      expect(await server.end()).toBe(0)
      expect(processesOfRun(id)).toEqual([])
      const next = await place.start()
      expect(await runOf(next, id)).toMatchObject({ state: 'interrupted', outcome: 'interrupted' })
      expect(outline(await executionToEnd(next, id)).slice(-3)).toEqual([
        'tool:complete cancelled',
        'phase:complete Work incomplete',
        'execution:interrupted',
      ])
    },
  )
})

describe('kill -9 of the server during an execution', () => {
  /** Every boundary takes minutes; by default the one at which a call would most easily be made twice. */
  const some = ['tool:complete']

  it.each(engines)(
    'wherever it breaks off, $name is closed once, leaves no process, and repeats no completed call',
    { timeout: 1_200_000 },
    async (engine) => {
      const place = await placeFor({ script: planAndWork, projects: ['web'] })
      const first = await place.start()
      const whole = await executionToEnd(first, await execute(first, { model: engine.model }))
      await first.end()
      const types = whole.map(({ type }) => type)
      const boundaries = process.env.MILLRACE_TEST_FULL
        ? whole.slice(1, -1).map((event) => event.id)
        : some.map((type) => types.indexOf(type) + 1)
      let before = counted(place)
      for (const boundary of boundaries) {
        await breakOff(place, engine, boundary)
        const after = counted(place)
        for (const name of ['look', 'mend-1', 'mend-2']) {
          const times = (after[name] ?? 0) - (before[name] ?? 0)
          expect(
            times,
            `${name}, with a kill at event ${boundary} (${types[boundary - 1]})`,
          ).toBeLessThanOrEqual(1)
        }
        before = after
      }
    },
  )

  it.each(engines)(
    'the model of $name reads that a call was interrupted, which is not made again',
    async (engine) => {
      const fine = { content: [{ type: 'text' as const, text: 'I have looked at it.' }] }
      const steps = [
        ...longWork.steps,
        // The SDK puts an answer of its own between the result and the prompt.
        { when: { model: engine.asked, text: 'You were interrupted' }, reply: fine },
        { when: { model: engine.asked, toolResult: { text: 'outcome is unknown' } }, reply: fine },
      ]
      const place = await placeFor({ script: { name: 'cut short', steps } })
      const server = await place.start()
      const id = await execute(server, { model: engine.model })
      await until(() => counted(place).began === 1)
      await server.end('SIGKILL')
      const next = await place.start()
      const resumed = await next.call(`/api/runs/${id}/resume`, { method: 'POST' })
      const { run } = (await resumed.json()) as { run: { id: string } }
      expect((await executionToEnd(next, run.id)).at(-1)).toMatchObject({
        type: 'execution:complete',
        data: { result: { text: 'I have looked at it.' } },
      })
      expect(JSON.stringify(place.model.requests.at(-1))).toMatch(/interrupted[^"]*outcome is unknown/)
      expect(counted(place)).toEqual({ began: 1 })
    },
  )

  /** Kills the server when an event arrives, then resumes what it was doing to the end. */
  async function breakOff(place: AgentPlace, { model }: EngineUnderTest, boundary: number): Promise<void> {
    const server = await place.start()
    const id = await execute(server, { model })
    const stream = await connect(`${server.url}/api/agent/stream/${id}`, {
      Authorization: `Bearer ${server.token}`,
    })
    await stream.until((event) => Number(event.id) >= boundary)
    await server.end('SIGKILL')
    const next = await place.start()
    const run = await untilOver(next, id)
    const events = await executionToEnd(next, id)
    expect(processesOfRun(id)).toEqual([])
    if (run.state === 'interrupted') {
      expect(events.at(-1)?.type).toBe('execution:interrupted')
      const resumed = await next.call(`/api/runs/${id}/resume`, { method: 'POST' })
      // Nothing of the conversation may be stored yet: then no tool has run either.
      if (resumed.status === 409) expect(events.map(({ type }) => type)).not.toContain('tool:complete')
      else {
        const again = (await resumed.json()) as { run: { id: string } }
        const story = await executionToEnd(next, again.run.id)
        expect(story.at(-1)).toMatchObject({ type: 'execution:complete' })
      }
    } else expect(run.state).toBe('completed')
    await next.end()
  }
})
