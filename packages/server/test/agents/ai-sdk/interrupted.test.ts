/** An execution that a shutdown breaks off at each event of its log, and that is resumed. */
import type { ScriptedModel, Step } from '@millrace/scripted-model'
import { expect, it } from 'vitest'
import { emptyTables } from '#store/memory/tables'
import type { Store } from '#store/store'
import { startExecution, storyOf } from '#test/runners/execution/support/rig'
import { ann, type Rig, untilOver } from '#test/runs/support/rig'
import { CountingShell, reply, say, serve, use } from './support/executions.ts'
import { openStored, storedModel } from './support/stored.ts'

/** By the number of the turn, so that a resumed conversation continues where it was. */
const script: Step[] = [
  reply({ turn: 1 }, [
    { type: 'thinking', thinking: 'I need a plan.' },
    use('plan', { goal: 'All green', phases: [{ name: 'Look' }, { name: 'Mend' }] }),
    use('phase', { phaseId: 'phase-1', status: 'active' }),
  ]),
  reply({ turn: 2 }, [say('I look.'), use('shell', { command: 'git status' })]),
  reply({ turn: 3 }, [
    use('phase', { phaseId: 'phase-2', status: 'active' }),
    use('shell', { command: 'git diff' }),
    use('shell', { command: 'git log' }),
  ]),
  reply({}, [say('All green.')]),
]

/** Calls `reached` in the commit of the `count`th event. */
function counting(count: number, reached: () => void) {
  let left = count
  return (store: Store): Store => ({
    ...store,
    append: async (run, attempt, events) => {
      const result = await store.append(run, attempt, events)
      const before = left
      left -= events.length
      if (before > 0 && left <= 0) reached()
      return result
    },
  })
}

async function execute(rig: Rig): Promise<string> {
  return (await startExecution(rig, { model: storedModel })).id
}

async function lengthOfStory(model: ScriptedModel): Promise<number> {
  const rig = await openStored(model, [new CountingShell()])
  const id = await execute(rig)
  expect((await untilOver(rig.runs, id)).state).toBe('completed')
  const story = await storyOf(rig, id)
  await rig.close()
  return story.length
}

it('a shutdown at any event of an execution ends it once, and its resume repeats no call', async () => {
  const model = await serve(script)
  const events = await lengthOfStory(model)
  expect(events).toBeGreaterThan(12)
  const states = new Set<string>()
  for (let at = 1; at < events; at += 1) {
    const tables = emptyTables()
    const reached = Promise.withResolvers<void>()
    const shell = new CountingShell()
    const first = await openStored(model, [shell], { tables, between: counting(at, reached.resolve) })
    const id = await execute(first)
    await reached.promise
    await first.close()
    const next = await openStored(model, [shell], { tables })
    const place = `shut down at event ${at} of ${events}`
    const { state } = await next.runs.get(id, ann)
    states.add(state)
    const story = await storyOf(next, id)
    if (state === 'interrupted') {
      expect(story.at(-1)?.type, place).toBe('execution:interrupted')
      const resumed = await next.runs.resume(id, ann)
      const over = await untilOver(next.runs, resumed.id)
      expect(over, place).toMatchObject({ state: 'completed', result: { text: 'All green.' } })
      story.push(...(await storyOf(next, resumed.id)))
    }
    expect(new Set(shell.ran).size, `${place}: calls that ran twice`).toBe(shell.ran.length)
    const completed = story.filter(
      ({ type, data }) => type === 'tool:complete' && (data as { status: string }).status === 'ok',
    )
    expect(shell.ran.length, place).toBeGreaterThanOrEqual(completed.length)
    await next.close()
  }
  expect(states).toContain('interrupted')
})
