import type { Step } from '@millrace/scripted-model'
import { expectStory } from '@millrace/test-support/story'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { AgentEnd } from '#agents/agent'
import type { AgentMove } from '#agents/moves'
import { Story } from '#runners/execution/story'
import {
  CountingShell,
  type Format,
  formats,
  RecordingHost,
  reply,
  say,
  serve,
  start,
  use,
} from './support/executions.ts'

type Content = Parameters<typeof reply>[1]

const call = fc.oneof(
  { weight: 6, arbitrary: fc.nat(99).map((at) => use('shell', { command: `git log -${at}` })) },
  fc.constant(use('shell', { command: 'false' })),
  fc.constant(use('shell', { command: 'rm -rf /' })),
  fc.constant(use('shell', { cmd: 'x' })),
  fc.constant(use('teleport', {})),
  fc.constant(use('shell', { command: 'git status' }, 'call_0')),
  fc.constant(use('plan', { goal: 'Go', phases: [{ name: 'One' }, { name: 'Two' }] })),
  fc
    .constantFrom('phase-1', 'phase-2', 'phase-9')
    .map((phaseId) => use('phase', { phaseId, status: 'active' })),
  fc.constantFrom('A', 'B').map((name) => use('task', { title: name, prompt: `Part ${name}.` })),
)
const words: Content[] = [[], [say('Hm, '), say('so.')], [{ type: 'thinking', thinking: 'Hm.' }]]
const said = fc.constantFrom(...words)
const more = fc.oneof(
  { weight: 8, arbitrary: fc.constant({}) },
  fc.constant({ stop_reason: 'max_tokens' }),
  fc.constant({ stop_reason: 'refusal' }),
  fc.constant({ trouble: { kind: 'cut', afterEvents: 5 } }),
)
const answer = fc
  .tuple(said, fc.array(call, { maxLength: 4 }), more)
  .map(([words, calls, extra]): Step['reply'] => reply({}, [...words, ...calls], extra).reply)
const failure: fc.Arbitrary<Step['reply']> = fc
  .constantFrom('api_error', 'rate_limit_error', 'context_overflow', 'overloaded_error')
  .map((error) => ({ error, retryAfterSeconds: 0 }) as Step['reply'])
const turns = fc.array(
  fc.tuple(fc.oneof({ weight: 5, arbitrary: answer }, failure), fc.constantFrom(1, 100)),
  { maxLength: 4 },
)

/** The same answers for every agent of the execution, by turn; then an end. */
function scriptOf(replies: readonly [Step['reply'], number][]): Step[] {
  const steps = replies.map(([each, times], at): Step => ({ when: { turn: at + 1 }, times, reply: each }))
  return [...steps, reply({}, [say('Done.')])]
}

function expectInvariants(host: RecordingHost, end: AgentEnd): void {
  const open = new Map<string, string | undefined>()
  const started = new Set<string>()
  const within = (parent: string | undefined) => {
    if (parent !== undefined) expect(open.has(parent), 'what a subtask does lies within its call').toBe(true)
  }
  for (const move of host.moves) {
    if ('parentToolCallId' in move) within(move.parentToolCallId)
    switch (move.move) {
      case 'tool-start':
        expect(started.has(move.toolCallId), 'an id is used once').toBe(false)
        started.add(move.toolCallId)
        open.set(move.toolCallId, move.parentToolCallId)
        break
      case 'tool-output':
        expect(open.has(move.toolCallId)).toBe(true)
        break
      case 'tool-complete':
        expect(open.delete(move.toolCallId), 'a call completes once').toBe(true)
        expect([...open.values()], 'a subtask ends before its call does').not.toContain(move.toolCallId)
        break
    }
  }
  if (end.state === 'completed') expect([...open.keys()], 'calls of a completed execution').toEqual([])
  const totals = host.of('usage').map(({ tokens }) => tokens.inputTokens ?? 0)
  expect(totals, 'totals never fall').toEqual(totals.toSorted((left, right) => left - right))
  expectWholeConversation(host)
  const story = new Story({ task: 'Do it.', now: () => 0 })
  expectStory([...story.take(host.moves), ...story.end({ completed: end.state === 'completed' })])
}

/** Every answer with calls is followed by one result for each of them, but for the last. */
function expectWholeConversation(host: RecordingHost): void {
  let open: string[] = []
  for (const { json } of host.transcript) {
    const entry = JSON.parse(json)
    if (entry.type === 'result') {
      expect(open).toContain(entry.result.toolCallId)
      open = open.filter((id) => id !== entry.result.toolCallId)
    } else if (entry.type === 'message' && entry.message.role === 'assistant') {
      expect(open, 'calls before the next answer').toEqual([])
      const parts = Array.isArray(entry.message.content) ? entry.message.content : []
      open = parts.flatMap((part: { type: string; toolCallId: string }) =>
        part.type === 'tool-call' ? [part.toolCallId] : [],
      )
    }
  }
}

const known = [
  'provider_error',
  'refused',
  'context_overflow',
  'max_iterations',
  'max_tokens',
  'budget',
  'cancelled',
]

it('whatever a model answers, calls are answered once and in place, and the end has a known reason', async () => {
  const settings = fc.record({
    format: fc.constantFrom<Format>(...formats),
    replies: turns,
    iterations: fc.constantFrom(3, 8, 60),
    usd: fc.constantFrom(null, 0.02, 5),
    cancelAfter: fc.option(fc.nat(30), { freq: 3 }),
  })
  await fc.assert(
    fc.asyncProperty(settings, async ({ format, replies, iterations, usd, cancelAfter }) => {
      const model = await serve(scriptOf(replies))
      const host = new RecordingHost('/nonexistent/project')
      let left = cancelAfter ?? Number.POSITIVE_INFINITY
      const moved = Promise.withResolvers<void>()
      host.onMove = (_move: AgentMove) => {
        left -= 1
        if (left < 0) moved.resolve()
      }
      const { agent } = await start(model, {
        format,
        host,
        tools: [new CountingShell()],
        limits: { iterations, usd },
        entry: { price: { input: 1, output: 2 }, contextTokens: 20_000 },
        options: { maxRetries: 0 },
      })
      void moved.promise.then(() => agent.cancel(0))
      const end = await agent.ended
      const { length } = host.moves
      expectInvariants(host, end)
      if (end.state === 'errored') expect(known).toContain(end.reason)
      expect(end.usage?.costUsd).toBeLessThanOrEqual(usd ?? Number.POSITIVE_INFINITY)
      expect(host.moves, 'nothing is reported after the end').toHaveLength(length)
      await model.close()
    }),
    { numRuns: 60 },
  )
})
