import type { SDKMessage } from '@anthropic-ai/claude-agent-sdk'
import { ManualClock } from '@millrace/test-support/manual-clock'
import { expect, it } from 'vitest'
import { Parking } from '#agents/claude/engine/parking'

const call = { id: 'toolu_1', tool: 'Bash', input: {} }
const settle = () => new Promise((resolve) => setImmediate(resolve))

/** An agent whose newest answer is whole and has one call. The test says when people are asked, and answer. */
function rig() {
  const clock = new ManualClock()
  const people = { asked: () => {}, answer: () => {} }
  const parking = new Parking({
    gate: {
      answered: (_call, asked) => {
        people.asked = asked ?? (() => {})
        return new Promise((resolve) => {
          people.answer = resolve
        })
      },
      permit: async () => ({ allowed: false, reason: '' }),
      withdraw: () => {},
    },
    clock,
    task: { parkAfterMs: 0 },
    turns: { isCutting: false, cut: new Promise<void>(() => {}), signal: new AbortController().signal },
  })
  const events = [
    { type: 'message_start' },
    { type: 'content_block_start', content_block: { type: 'tool_use' } },
    { type: 'message_stop' },
  ]
  for (const event of events)
    parking.heard({ type: 'stream_event', parent_tool_use_id: null, event } as unknown as SDKMessage)
  return { clock, people, parking }
}

it('a call is not put off before people are asked about it, however short the wait for them', async () => {
  const { clock, people, parking } = rig()
  const held = parking.hold(call)
  await clock.advance(1000)
  await settle()
  expect([parking.isPutOff, clock.pending]).toEqual([false, 0])
  people.asked()
  await settle()
  await clock.advance(0)
  expect(await held).toBe('put off')
})

it('a call that is decided without a question is not put off', async () => {
  const { clock, people, parking } = rig()
  const held = parking.hold(call)
  people.answer()
  await settle()
  await clock.advance(0)
  expect([await held, parking.isPutOff]).toEqual(['passes', false])
})
