import { expect, it } from 'vitest'
import type { Store } from '#store/store'
import { startExecution, storyOf } from '#test/runners/execution/support/rig'
import { untilOver } from '#test/runs/support/rig'
import { CountingShell, reply, say, serve, use } from './support/executions.ts'
import { openStored, storedModel } from './support/stored.ts'

interface Write {
  /** Writes of one turn of the event loop share a commit. */
  turn: number
  events: { type: string; data: Record<string, unknown> }[]
  entries: { type: string; result?: { toolCallId: string }; message?: unknown }[]
}

/** Records what a run writes to its log and its transcript, in the order of the writes. */
function recorded(store: Store, writes: Write[]): Store {
  let turn = 0
  let isOpen = false
  const record = (write: Omit<Write, 'turn'>) => {
    if (!isOpen) {
      isOpen = true
      setImmediate(() => {
        isOpen = false
        turn += 1
      })
    }
    writes.push({ turn, ...write })
  }
  return {
    ...store,
    append: (run, attempt, events) => {
      record({ entries: [], events: events.map(({ type, json }) => ({ type, data: JSON.parse(json) })) })
      return store.append(run, attempt, events)
    },
    appendTranscript: (run, attempt, entries) => {
      record({ events: [], entries: entries.map(({ json }) => JSON.parse(json)) })
      return store.appendTranscript(run, attempt, entries)
    },
  }
}

it('an answer and each result of its calls are in one commit with their events', async () => {
  const model = await serve([
    reply({ prompt: 'Mend it', turn: 1 }, [
      use('plan', { goal: 'Go', phases: [{ name: 'One' }] }),
      use('task', { title: 'Part', prompt: 'Do a part.' }),
    ]),
    reply({ prompt: 'Mend it', turn: 2, toolResult: { tool: 'plan' } }, [
      say('Two. '),
      use('shell', { command: 'git status' }),
      use('shell', { command: 'rm -rf /' }),
    ]),
    reply({}, [say('Done.')]),
  ])
  const writes: Write[] = []
  const rig = await openStored(model, [new CountingShell()], { between: (store) => recorded(store, writes) })
  const run = await startExecution(rig, { model: storedModel })
  expect(await untilOver(rig.runs, run.id)).toMatchObject({ state: 'completed', result: { text: 'Done.' } })

  const turnsOf = (found: (write: Write) => boolean) => writes.filter(found).map(({ turn }) => turn)
  const completed = writes.flatMap(({ turn, events }) =>
    events.flatMap(({ type, data }) => (type === 'tool:complete' ? [{ turn, id: data.toolCallId }] : [])),
  )
  expect(completed).toHaveLength(3)
  for (const { turn, id } of completed) {
    const stored = turnsOf(({ entries }) => entries.some(({ result }) => result?.toolCallId === id))
    expect(stored).toEqual([turn])
    const answered = turnsOf(({ entries }) =>
      entries.some(({ message }) => JSON.stringify(message ?? '').includes(String(id))),
    )
    const started = turnsOf(({ events }) =>
      events.some(({ type, data }) => type === 'tool:start' && data.toolCallId === id),
    )
    expect(answered[0]).toBe(started[0])
    expect(started[0]).toBeLessThan(turn)
  }
  const story = await storyOf(rig, run.id)
  expect(story.map(({ type }) => type)).toContain('plan:created')
})
