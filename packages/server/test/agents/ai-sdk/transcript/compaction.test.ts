import type { ModelMessage } from 'ai'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compact } from '#agents/ai-sdk/transcript/compaction'
import { callsIn, resultOf } from '#agents/ai-sdk/transcript/conversation'
import { estimateTokens } from '#agents/spending/price'

const task: ModelMessage = { role: 'user', content: 'Mend it.' }

function step(at: number, input: string, results: string[]): ModelMessage[] {
  const calls = results.map((_, index) => ({ id: `${at}.${index}`, name: 'shell' }))
  return [
    {
      role: 'assistant',
      content: [
        { type: 'text', text: `Step ${at}.` },
        ...calls.map(({ id, name }) => ({
          type: 'tool-call' as const,
          toolCallId: id,
          toolName: name,
          input: { input },
        })),
      ],
    },
    { role: 'tool', content: calls.map((call, index) => resultOf(call, results[index] ?? '', false)) },
  ]
}

function idsOf(messages: readonly ModelMessage[]) {
  const calls = messages.flatMap((message) => callsIn(message).map(({ id }) => id))
  const results = messages.flatMap((message) =>
    message.role === 'tool'
      ? message.content.flatMap((part) => (part.type === 'tool-result' ? [part.toolCallId] : []))
      : [],
  )
  return { calls, results }
}

describe('a compaction', () => {
  it('a compaction cuts long results of old steps first, and keeps their beginning and end', () => {
    const long = `begin ${'x'.repeat(10_000)} end`
    const messages = [task, ...[1, 2, 3, 4, 5].flatMap((at) => step(at, 'small', [long]))]
    const { messages: shorter, stepsRemoved } = compact(messages, estimateTokens(messages) * 0.8)
    expect(stepsRemoved).toBe(0)
    const text = (at: number) => JSON.stringify(shorter[at])
    expect(text(2)).toMatch(/begin x+.*characters were removed here.*x+ end/)
    expect(text(10)).toContain(long)
  })

  it('a compaction removes the oldest steps if nothing else helps, and lists their calls', () => {
    const messages = [
      task,
      ...Array.from({ length: 50 }, (_, at) => step(at, `do ${at}`, ['y'.repeat(400)])).flat(),
    ]
    const { messages: shorter, stepsRemoved } = compact(messages, 3000)
    expect(stepsRemoved).toBeGreaterThan(10)
    expect(estimateTokens(shorter)).toBeLessThanOrEqual(3000)
    expect(shorter[0]).toEqual(task)
    expect(shorter[1]).toMatchObject({
      role: 'user',
      content: expect.stringContaining('- shell {"input":"do 3"}'),
    })
    expect(shorter.at(-1)).toEqual(messages.at(-1))
  })

  it('a compaction keeps what people wrote, and the list of calls of an earlier one', () => {
    const many = (from: number) =>
      Array.from({ length: 30 }, (_, at) => step(from + at, `do ${from + at}`, ['y'.repeat(400)])).flat()
    const first = compact([task, ...many(0)], 2500)
    const next: ModelMessage = { role: 'user', content: 'And now mend the other one.' }
    const second = compact([...first.messages, next, ...many(100)], 2500)
    expect(second.messages.slice(0, 3)).toEqual([
      task,
      { role: 'user', content: expect.stringMatching(/do 1"[\s\S]*do 101"/) },
      next,
    ])
  })

  it('a compaction keeps the task, and every call with its result, whatever the conversation', () => {
    const anyStep = fc.tuple(fc.nat(3000), fc.array(fc.nat(20_000), { minLength: 1, maxLength: 3 }))
    fc.assert(
      fc.property(fc.array(anyStep, { minLength: 1, maxLength: 12 }), fc.nat(20_000), (sizes, target) => {
        const messages = [
          task,
          ...sizes.flatMap(([input, results], at) =>
            step(
              at,
              'i'.repeat(input),
              results.map((size) => 'r'.repeat(size)),
            ),
          ),
        ]
        const once = compact(messages, target)
        const { calls, results } = idsOf(once.messages)
        expect(results).toEqual(calls)
        expect(once.messages[0]).toEqual(task)
        expect(once.messages.at(-1)).toMatchObject({ role: 'tool' })
        expect(once.tokensAfter).toBe(estimateTokens(once.messages))
        if (estimateTokens(messages) <= target) expect(once.messages).toEqual(messages)
        const again = compact(once.messages, target)
        expect(again.tokensAfter).toBeLessThanOrEqual(once.tokensAfter)
      }),
      { numRuns: 50 },
    )
  })
})
