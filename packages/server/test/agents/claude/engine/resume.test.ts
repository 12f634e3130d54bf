/** Stored conversations, and sessions that resume them in a fresh home. */
import { until } from '@millrace/test-support/until'
import { describe, expect, it } from 'vitest'
import type { RecordingContext } from '#test/agents/claude/support/context'
import { openSessions, say, serve, use } from '#test/agents/claude/support/sessions'

const sessions = openSessions()
const isFull = process.env.MILLRACE_TEST_FULL !== undefined

/** The messages of the last request to the model, by role, without reminders. */
function conversationOf(model: { requests: readonly { body: unknown }[] }): string[] {
  const last = model.requests.at(-1)?.body as { messages: { role: string; content: unknown }[] } | undefined
  return (last?.messages ?? []).flatMap(({ role, content }) => {
    const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : (content as object[])
    return blocks.flatMap((block) => {
      const { type, text, name } = block as { type: string; text?: string; name?: string }
      if (type !== 'text') return [`${role}: ${type}${name === undefined ? '' : ` ${name}`}`]
      return text?.startsWith('<system-reminder>') || role === 'system' ? [] : [`${role}: ${text}`]
    })
  })
}

function uuids({ transcript }: RecordingContext): string[] {
  return transcript.flatMap(({ json }) => (JSON.parse(json) as { uuid?: string }).uuid ?? [])
}

describe('a prompt that looks like a command', () => {
  // By default, the chain of three below begins with some of them.
  it.runIf(isFull)(
    'a prompt that begins with a word of the SDK reaches the model as it was written, also on a resume',
    async () => {
      const prompts = [
        '/login returns 500, please fix it',
        '/clear the cache at the start',
        '/compact',
        '!important is used too often in site.css',
        '#42 is open again',
        '@README.md is out of date',
      ]
      const model = await serve([say('Done.')])
      const [first = '', ...others] = prompts
      let { context, outcome } = await sessions.run(model, { prompt: first })
      expect(outcome.state).toBe('completed')
      for (const prompt of others) {
        const next = await sessions.run(model, { prompt, resumes: context })
        expect(next.outcome.state, prompt).toBe('completed')
        context = next.context
      }
      const asked = conversationOf(model).filter((line) => line.startsWith('user: '))
      expect(asked).toEqual(prompts.map((prompt) => `user: ${prompt}`))
    },
  )

  it('a session whose model was never asked is not completed, and says what answered instead', async () => {
    const model = await serve([say('Done.')])
    const prompt = '/login returns 500, please fix it'
    const { outcome } = await sessions.run(model, { prompt, agent: { verbatimPrompts: false } })
    expect(model.requests).toEqual([])
    expect(outcome.data).toMatchObject({
      state: 'errored',
      reason: 'not_asked',
      error: "The model was never asked: /login isn't available in this environment.",
    })
  })
})

describe('a session that resumes another', () => {
  it('a chain of three sessions has the whole conversation, once, in order, and each prompt as it was written', async () => {
    const prompts = [
      '/login returns 500',
      '!important is used too often',
      '@README.md is out of date',
    ] as const
    const cost = { input_tokens: 1000, output_tokens: 500 }
    const model = await serve([
      { when: { text: prompts[0] }, reply: { content: [{ type: 'text', text: 'One.' }], usage: cost } },
      { when: { text: prompts[1] }, reply: { content: [{ type: 'text', text: 'Two.' }], usage: cost } },
      { when: { text: prompts[2] }, reply: { content: [{ type: 'text', text: 'Three.' }], usage: cost } },
    ])
    const first = await sessions.run(model, { prompt: prompts[0] })
    const second = await sessions.run(model, { prompt: prompts[1], resumes: first.context })
    const third = await sessions.run(model, { prompt: prompts[2], resumes: second.context })
    expect([first, second, third].map(({ outcome }) => outcome.error)).toEqual([null, null, null])
    expect(conversationOf(model)).toEqual([
      `user: ${prompts[0]}`,
      'assistant: One.',
      `user: ${prompts[1]}`,
      'assistant: Two.',
      `user: ${prompts[2]}`,
    ])
    const all = [first, second, third]
    expect(all.map(({ outcome }) => (outcome.result as { text: string }).text)).toEqual([
      'One.',
      'Two.',
      'Three.',
    ])
    // One conversation, each run with its own cost.
    for (const { outcome } of all) {
      expect(outcome.result).toMatchObject({ sessionId: first.context.run.id })
      expect(outcome.usage).toEqual(first.outcome.usage)
    }
    expect(new Set(uuids(third.context)).size).toBe(uuids(third.context).length)
  })

  it('a session resumes where another was killed in the middle of a turn', async () => {
    const model = await serve([
      use('Bash', { command: 'echo half > half.txt' }),
      {
        when: { turn: 2, toolResult: { tool: 'Bash' } },
        reply: { content: [{ type: 'text', text: ['Almost', ' there'], hold: 'end' }] },
      },
      say('Back again.', { text: 'go on' }),
    ])
    const killed = sessions.prepare(model, { prompt: 'Do half of it' })
    const ended = killed.run()
    await model.reached('end')
    // The SDK hands its transcript over in its own time.
    await until(() => killed.context.transcript.some(({ json }) => json.includes('tool_result')))
    process.kill(killed.context.process?.pid ?? 0, 'SIGKILL')
    expect((await ended).outcome).toMatchObject({ state: 'errored', data: { reason: 'crashed' } })
    const resumed = await sessions.run(model, { prompt: 'go on', resumes: killed.context })
    expect(resumed.outcome).toMatchObject({ state: 'completed', result: { text: 'Back again.' } })
    const told = conversationOf(model)
    expect(told[0]).toBe('user: Do half of it')
    expect(told).toContain('assistant: tool_use Bash')
    expect(told).toContain('user: tool_result')
    expect(told.at(-1)).toBe('user: go on')
    expect(told.filter((line) => line === 'assistant: tool_use Bash')).toHaveLength(1)
  })

  it('a session that resumes one without a conversation says that there is nothing to resume', async () => {
    const model = await serve([say('hello')])
    const { context } = sessions.prepare(model)
    const { outcome } = await sessions.run(model, { resumes: context })
    expect(outcome).toMatchObject({ state: 'errored', data: { state: 'errored', reason: 'not_resumable' } })
    expect(model.requests).toEqual([])
  })
})
