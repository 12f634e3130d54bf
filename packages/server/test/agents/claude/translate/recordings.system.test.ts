/**
 * Do the recorded sequences still show what the SDK sends? After an update of the SDK, MILLRACE_RECORD=1 records them
 * anew; the difference shows what changed.
 */
import { describe, expect, it } from 'vitest'
import { type Recorded, record } from './record.ts'
import { keepRecording, recordingOf } from './recordings.ts'
import { type ScenarioName, scenarios } from './scenarios.ts'

const names = Object.keys(scenarios) as ScenarioName[]
const anew = process.env.MILLRACE_RECORD !== undefined
const full = process.env.MILLRACE_TEST_FULL !== undefined
/** The others are recorded in the full run. */
const always: readonly ScenarioName[] = ['plan', 'subagent']

describe.runIf(anew)('a recording', () => {
  for (const name of names)
    it(`"${name}" is recorded anew`, async () => keepRecording(name, await record(scenarios[name])))
})

describe.skipIf(anew)('the SDK', () => {
  for (const name of full ? names : always) {
    it(`the SDK sends what was recorded as "${name}", in the same order and shape`, async () => {
      expect(shapesOf(await record(scenarios[name]))).toEqual(shapesOf(recordingOf(name)))
    })
  }
})

/** Come when they like: how far a tool or the thinking is, and pings. */
const whenever = ['thinking_tokens', 'task_progress', 'task_updated', 'status']

/**
 * Each message: its types, and the names of its fields with the types of their values. In order, but for two lanes: a
 * tool may run before the stream of its answer has ended.
 */
function shapesOf(said: readonly Recorded[]): Record<'stream' | 'others' | 'denied', string[]> {
  const shapes = said
    .filter(({ type, subtype }) => type !== 'tool_progress' && !whenever.includes(String(subtype)))
    .map((message) => `${message.type} ${String(message.subtype ?? '')} ${shapeOf(message)}`)
  const lane = (shape: string) => /^(stream|permission)/.exec(shape)?.[0]
  return {
    stream: shapes.filter((shape) => lane(shape) === 'stream'),
    denied: shapes.filter((shape) => lane(shape) === 'permission'),
    others: shapes.filter((shape) => lane(shape) === undefined),
  }
}

function shapeOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(shapeOf).join()}]`
  if (value === null || typeof value !== 'object') return typeof value
  const fields = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
  return `{${fields.map(([name, one]) => `${name}:${name === 'type' ? String(one) : shapeOf(one)}`).join()}}`
}
