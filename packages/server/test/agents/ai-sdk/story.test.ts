import type { Step } from '@millrace/scripted-model'
import { describe, expect, it } from 'vitest'
import type { AgentMove } from '#agents/moves'
import { CountingShell, type Format, formats, reply, run, say, serve, use } from './support/executions.ts'

const words = 'Grüße, 👋 \u2028 and "quotes"\n'
const usage = { input_tokens: 100, cache_read_input_tokens: 10, output_tokens: 20 }

/** A plan, two phases, a thought, two parallel calls, a denied call, a failed one, a new plan and an answer. */
const story: Step[] = [
  reply(
    { turn: 1 },
    [
      { type: 'thinking', thinking: `Hm: ${words}` },
      use('plan', { goal: 'Make it work', phases: [{ name: 'Look' }, { name: 'Mend' }] }),
      use('phase', { phaseId: 'phase-1', status: 'active' }),
    ],
    { usage },
  ),
  reply(
    { turn: 2 },
    [
      say(`I look: ${words}`),
      use('shell', { command: 'git status' }),
      use('shell', { command: `echo '${words}'` }),
    ],
    { usage },
  ),
  reply(
    { turn: 3, toolResult: { tool: 'shell', text: 'ran git status' } },
    [
      use('plan', {
        goal: 'Make it work well',
        phases: [{ id: 'phase-1', name: 'Look' }, { name: 'Mend all' }],
      }),
      use('phase', { phaseId: 'phase-3', status: 'active' }),
      use('shell', { command: 'rm -rf /' }),
      use('shell', { command: 'false' }),
    ],
    { usage },
  ),
  reply({ turn: 4, toolResult: { text: 'denied' } }, [say('Done, '), say('all of it.')], { usage }),
]

/** Without what a provider decides: the ids of calls and messages, and where a text is cut into deltas. */
function told(moves: readonly AgentMove[]): unknown[] {
  const ids = new Map<string, string>()
  const named = (id: string) => {
    if (!ids.has(id)) ids.set(id, `call ${ids.size + 1}`)
    return ids.get(id)
  }
  const list: Record<string, unknown>[] = []
  for (const move of moves) {
    const last = list.at(-1)
    if (move.move === 'text') {
      if (last?.move === 'text') last.text = `${last.text}${move.text}`
      else list.push({ move: 'text', text: move.text })
    } else if ('toolCallId' in move) list.push({ ...move, toolCallId: named(move.toolCallId) })
    else list.push({ ...move })
  }
  return list
}

type Delivery = { bytesPerWrite?: number }

async function storyIn(format: Format, delivery: Delivery) {
  const shell = new CountingShell()
  const { host, end } = await run(
    await serve(story, delivery, { deltaChars: delivery.bytesPerWrite === undefined ? 1 : 500 }),
    { format, tools: [shell] },
  )
  return { host, end, shell, told: told(host.moves) }
}

const expected = [
  { move: 'step' },
  { move: 'thought', thought: `Hm: ${words}` },
  {
    move: 'usage',
    tokens: expect.objectContaining({ inputTokens: 100, cacheReadTokens: 10, outputTokens: 20 }),
    costUsd: null,
  },
  {
    move: 'plan',
    goal: 'Make it work',
    phases: [
      { id: 'phase-1', name: 'Look', status: 'pending' },
      { id: 'phase-2', name: 'Mend', status: 'pending' },
    ],
  },
  { move: 'phase-start', phaseId: 'phase-1' },
  { move: 'step' },
  { move: 'text', text: `I look: ${words}` },
  { move: 'usage', tokens: expect.objectContaining({ inputTokens: 200, outputTokens: 40 }), costUsd: null },
  { move: 'tool-start', toolCallId: 'call 1', toolName: 'shell', params: { command: 'git status' } },
  { move: 'tool-start', toolCallId: 'call 2', toolName: 'shell', params: { command: `echo '${words}'` } },
  { move: 'tool-output', toolCallId: 'call 1', text: '$ git status\n' },
  { move: 'tool-complete', toolCallId: 'call 1', status: 'ok', result: 'ran git status' },
  { move: 'tool-output', toolCallId: 'call 2', text: `$ echo '${words}'\n` },
  { move: 'tool-complete', toolCallId: 'call 2', status: 'ok', result: `ran echo '${words}'` },
  { move: 'step' },
  { move: 'usage', tokens: expect.objectContaining({ inputTokens: 300 }), costUsd: null },
  {
    move: 'plan',
    goal: 'Make it work well',
    phases: [
      { id: 'phase-1', name: 'Look', status: 'active' },
      { id: 'phase-3', name: 'Mend all', status: 'pending' },
    ],
  },
  { move: 'phase-start', phaseId: 'phase-3' },
  { move: 'tool-start', toolCallId: 'call 3', toolName: 'shell', params: { command: 'rm -rf /' } },
  { move: 'tool-start', toolCallId: 'call 4', toolName: 'shell', params: { command: 'false' } },
  {
    move: 'tool-complete',
    toolCallId: 'call 3',
    status: 'denied',
    result: expect.stringContaining('denied'),
  },
  { move: 'tool-output', toolCallId: 'call 4', text: '$ false\n' },
  { move: 'tool-complete', toolCallId: 'call 4', status: 'error', result: 'ran false' },
  { move: 'step' },
  { move: 'text', text: 'Done, all of it.' },
  { move: 'usage', tokens: expect.objectContaining({ inputTokens: 400, outputTokens: 80 }), costUsd: null },
]

describe.each(formats)('with the provider package of %s', (format) => {
  it.each([
    ['in frames', {}],
    ['split at every byte', { bytesPerWrite: 1 }],
  ])('the same story becomes the same moves when it arrives %s', async (_, delivery) => {
    const { told, end, shell, host } = await storyIn(format, delivery)
    // The Chat Completions API of OpenAI has no thoughts.
    const moves = format === 'openai-chat' ? expected.filter(({ move }) => move !== 'thought') : expected
    expect(told).toEqual(moves)
    expect(host.events).toMatchObject([
      { type: 'permission:denied', data: { tool: 'Bash', input: { command: 'rm -rf /' } } },
    ])
    expect(shell.ran).toEqual(['git status', `echo '${words}'`, 'false'])
    expect(end).toMatchObject({
      state: 'completed',
      result: { text: 'Done, all of it.' },
      usage: { costUsd: null },
    })
    expect(host.startedWith).toMatchObject({ model: expect.stringContaining(':') })
  })
})

describe('a request', () => {
  it('a request to Anthropic asks it to cache the conversation up to the end', async () => {
    const model = await serve(story)
    await run(model, { format: 'anthropic', tools: [new CountingShell()] })
    for (const { body } of model.requests) {
      const { messages, max_tokens } = body as { messages: unknown[]; max_tokens: number }
      expect(JSON.stringify(messages.at(-1))).toContain('"cache_control":{"type":"ephemeral"}')
      expect(JSON.stringify(messages.slice(0, -1))).not.toContain('cache_control')
      expect(max_tokens).toBe(8192)
    }
  })

  it('a request to OpenAI leaves no copy of the conversation there', async () => {
    const model = await serve(story)
    await run(model, { format: 'openai', tools: [new CountingShell()] })
    for (const { body } of model.requests) expect(body).toMatchObject({ store: false })
    expect(JSON.stringify(model.requests.at(-1)?.body)).not.toContain('item_reference')
  })
})
