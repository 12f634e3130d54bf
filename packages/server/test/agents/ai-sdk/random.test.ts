import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ServerResponse } from 'node:http'
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
  fc.nat(12).map((afterEvents) => ({ trouble: { kind: 'cut', afterEvents } })),
)
/** What each answer uses, whole or not. */
const usage = { input_tokens: 400, output_tokens: 20 }
const price = { input: 1, output: 2 }
const answer = fc
  .tuple(said, fc.array(call, { maxLength: 4 }), more)
  .map(([words, calls, extra]): Step['reply'] => reply({}, [...words, ...calls], { usage, ...extra }).reply)
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
  return [...steps, reply({}, [say('Done.')], { usage })]
}

/** Runs the work with a count of the answers that begin on this port, whether or not they are read to their end. */
async function countingAnswers<Result>(url: string, work: (answers: () => number) => Promise<Result>) {
  const port = Number(new URL(url).port)
  const responses: ServerResponse[] = []
  const note = (message: unknown) => {
    const { request, response } = message as {
      request: { socket: { localPort: number } }
      response: ServerResponse
    }
    if (request.socket.localPort === port) responses.push(response)
  }
  const channel = 'http.server.request.start'
  subscribe(channel, note)
  try {
    return await work(() => responses.filter((one) => one.headersSent && one.statusCode === 200).length)
  } finally {
    unsubscribe(channel, note)
  }
}

/** What was counted is at least what the provider served, and so is what it costs. */
function expectCounted({ usage: counted }: AgentEnd, answers: number): void {
  const { tokens, costUsd } = counted as { tokens: Record<string, number>; costUsd: number }
  expect(tokens.inputTokens).toBeGreaterThanOrEqual(answers * usage.input_tokens)
  expect(tokens.outputTokens).toBeGreaterThanOrEqual(answers * usage.output_tokens)
  const least = (answers * (usage.input_tokens * price.input + usage.output_tokens * price.output)) / 1e6
  expect(costUsd).toBeGreaterThanOrEqual(least - 1e-9)
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

function interrupt({ messages }: RecordingHost): void {
  if (!messages.sealed) messages.say('Wait', 'interrupt')
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

/** Some packages wait for the first event before they pass an answer on. */
const brokenAtItsStart = {
  format: 'openai-chat' as const,
  replies: [[reply({}, [], { usage, trouble: { kind: 'cut', afterEvents: 1 } }).reply, 1]] as [
    Step['reply'],
    1 | 100,
  ][],
  iterations: 3 as const,
  usd: null,
  cancelAfter: null,
  interruptsAfter: [],
}

it('whatever a model answers, calls are answered once and in place, and the end has a known reason', async () => {
  const settings = fc.record({
    format: fc.constantFrom<Format>(...formats),
    replies: turns,
    iterations: fc.constantFrom(3, 8, 60),
    usd: fc.constantFrom(null, 0.02, 5),
    cancelAfter: fc.option(fc.nat(30), { freq: 3 }),
    interruptsAfter: fc.array(fc.nat(12), { maxLength: 3 }),
  })
  await fc.assert(
    fc.asyncProperty(settings, async ({ format, replies, iterations, usd, cancelAfter, interruptsAfter }) => {
      const model = await serve(scriptOf(replies))
      const host = new RecordingHost('/nonexistent/project')
      let moves = 0
      const moved = Promise.withResolvers<void>()
      host.onMove = (_move: AgentMove) => {
        if (moves === cancelAfter) moved.resolve()
        for (const at of interruptsAfter) {
          // As a person does it: not within a move.
          if (at === moves) setImmediate(() => interrupt(host))
        }
        moves += 1
      }
      await countingAnswers(model.url, async (answers) => {
        const { agent } = await start(model, {
          format,
          host,
          tools: [new CountingShell()],
          limits: { iterations, usd },
          entry: { price, contextTokens: 20_000 },
          options: { maxRetries: 0 },
        })
        void moved.promise.then(() => agent.cancel(0))
        const end = await agent.ended
        const { length } = host.moves
        expectInvariants(host, end)
        if (end.state === 'errored') expect(known).toContain(end.reason)
        expectCounted(end, answers())
        expect(end.usage?.costUsd).toBeLessThanOrEqual(usd ?? Number.POSITIVE_INFINITY)
        expect(host.moves, 'nothing is reported after the end').toHaveLength(length)
      })
      await model.close()
    }),
    { numRuns: 60, examples: [[brokenAtItsStart]] },
  )
})
