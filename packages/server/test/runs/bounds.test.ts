import { Buffer } from 'node:buffer'
import type { Run } from '@millrace/protocol'
import { describe, expect, it } from 'vitest'
import { expectWholeLog, openRig, startJob, untilOver } from './support/rig.ts'
import { outcome } from './support/scripted-runner.ts'

const eventBytes = 1024
const long = 'x'.repeat(100_000)

/** Runs that are over, one for each outcome. */
async function endedWith(...outcomes: Parameters<typeof outcome>[0][]): Promise<Run[]> {
  const { runs, store } = await openRig({
    parts: { eventBytes },
    script: async ({ run }) => outcome(outcomes[Number(run.spec.index)]),
  })
  const ended: Run[] = []
  for (const index of outcomes.keys()) {
    const { id } = await startJob(runs, { index })
    ended.push(await untilOver(runs, id))
    await expectWholeLog(store, id)
  }
  return ended
}

const bytesOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value))

// Failed before: only events were bounded, and a row of a listing had whatever a model had said.
describe('the row of a run is bounded as an event is', () => {
  it('a large result is cut, and says where', async () => {
    const [run] = await endedWith({ result: { turns: 3, said: [{ text: long }, { text: 'short' }] } })
    expect(run?.result).toMatchObject({
      turns: 3,
      truncated: ['said[0].text'],
      said: [{}, { text: 'short' }],
    })
    expect(bytesOf(run?.result)).toBeLessThanOrEqual(eventBytes)
  })

  it('a large result that is only a string is cut, and says so', async () => {
    const [run] = await endedWith({ result: long })
    expect(run?.result).toMatchObject({ value: expect.stringMatching(/^x{500,}$/), truncated: ['value'] })
    expect(bytesOf(run?.result)).toBeLessThanOrEqual(eventBytes)
  })

  it('a large error is cut, and keeps its message', async () => {
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`field${n}`, n]))
    const [error, crowded, small] = (
      await endedWith(
        { state: 'errored', error: { message: long, code: 7 } },
        { state: 'errored', error: { message: long, ...many } },
        { state: 'errored', error: { message: 'no', ...many } },
      )
    ).map((run) => run.error)
    expect(error).toMatchObject({ code: 7, truncated: ['message'], message: expect.stringMatching(/^x+$/) })
    expect(bytesOf(error)).toBeLessThanOrEqual(eventBytes)
    expect(crowded).toEqual({ message: expect.stringMatching(/^x+$/), truncated: ['', 'message'] })
    expect(bytesOf(crowded)).toBeLessThanOrEqual(eventBytes)
    expect(small).toEqual({ message: 'no', truncated: [''] })
  })

  it('a large usage is cut, and says where', async () => {
    const [run] = await endedWith({ usage: { inputTokens: 5, note: long } })
    expect(run?.usage).toMatchObject({ inputTokens: 5, truncated: ['note'] })
    expect(bytesOf(run?.usage)).toBeLessThanOrEqual(eventBytes)
  })

  it('the long message of a failed runner is cut, and says so', async () => {
    const { runs } = await openRig({
      parts: { eventBytes },
      script: async () => {
        throw new Error(long)
      },
    })
    const { id } = await startJob(runs)
    const { error } = await untilOver(runs, id)
    expect(error).toMatchObject({ truncated: ['message'] })
    expect(bytesOf(error)).toBeLessThanOrEqual(eventBytes)
  })

  it('nothing within the bound is cut', async () => {
    const kept = { result: { said: 'ü€🎉', list: [1, null, 'a'] }, usage: { tokens: 1 }, error: null }
    const nothing = { result: null, usage: null, error: null }
    expect(await endedWith(kept, nothing)).toMatchObject([kept, nothing])
  })
})
