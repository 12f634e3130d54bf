/** A session from its start to its end: the real SDK process in the real sandbox, a scripted model. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openSessions, serve, use } from './support/sessions.ts'

const sessions = openSessions()
const file = (name: string) => join(sessions.project, name)

describe('a session', () => {
  it('passes every message on as it came, and ends with what the agent said last', async () => {
    const model = await serve([
      use('Write', { file_path: '{{cwd}}/made.txt', content: 'by a script' }),
      {
        when: { turn: 2 },
        reply: {
          content: [{ type: 'text', text: ['All', ' done'] }],
          usage: { input_tokens: 1000, output_tokens: 500 },
        },
      },
    ])
    const { context, outcome } = await sessions.run(model, { prompt: 'Write a file' })
    expect(readFileSync(file('made.txt'), 'utf8')).toBe('by a script')
    expect(context.outline).toEqual(['system:init', 'assistant', 'user', 'assistant', 'result:success'])
    const deltas = context.of('stream_event').flatMap(({ event }) => {
      const { type, delta } = event as { type: string; delta?: { text?: string } }
      return type === 'content_block_delta' && delta?.text !== undefined ? [delta.text] : []
    })
    expect(deltas).toEqual(['All', ' done'])
    expect(outcome).toMatchObject({
      state: 'completed',
      data: { sessionId: context.run.id, state: 'completed' },
      error: null,
      result: { text: 'All done', sessionId: context.run.id, subtype: 'success', numTurns: 2 },
      usage: { inputTokens: 1000, outputTokens: 500, cacheReadTokens: 0, turns: 2 },
    })
    expect(outcome.usage?.costUsd).toBeGreaterThan(0)
    expect(context.of('system')[0]).toMatchObject({ session_id: context.run.id, cwd: sessions.project })
    expect(context.startedWith).toEqual({ boundary: 'bubblewrap' })
    expect(context.process?.pid).toBeGreaterThan(0)
  })
})
