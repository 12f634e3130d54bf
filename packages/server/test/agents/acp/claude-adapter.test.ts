/** The adapter of Claude, unmodified, in the real sandbox; its model is a script behind the gateway. */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { agentPresets } from '#config/agents/presets'
import { say, serve, use } from '#test/agents/claude/support/sessions'
import { modules, openAgents, scripted } from './support/agents.ts'

const agents = openAgents()
const file = (name: string) => join(agents.project, name)
const entry = scripted({
  name: 'claude-acp',
  command: ['node', join(modules, '@agentclientprotocol/claude-agent-acp/dist/index.js')],
  mode: agentPresets['claude-acp'].mode,
  gateway: { vendor: 'anthropic', upstream: null },
  asks: true,
  read: [modules],
})
const model = ({ url }: { url: string }) => ({ model: { baseUrl: url, apiKey: 'made-up-key', demo: false } })

describe('the adapter of Claude', () => {
  it('with a price the gateway keeps the budget, and a session that reaches it ends for that reason', async () => {
    const said = await serve([say('Too dear')])
    const models = [{ provider: 'anthropic', price: { input: 5, output: 25 } }]
    const options = { ...model(said), models, maxBudgetUsd: 0.0001 }
    const { outcome } = await agents.run({ entry, prompt: 'Say something', options })
    expect(outcome).toMatchObject({
      state: 'errored',
      error: {
        reason: 'max_budget',
        message: 'It reached its budget of $0.0001: the next request could have exceeded it',
      },
    })
    expect(said.requests.filter(({ path }) => path === '/v1/messages')).toEqual([])
  })

  it('a session works with its tools, asks before it writes, is cut short, and is resumed', async () => {
    const said = await serve([
      use('Write', { file_path: '{{cwd}}/made.txt', content: 'by the adapter' }),
      use('Bash', { command: 'sudo rm -rf /' }, { turn: 2 }),
      {
        when: { turn: 3 },
        reply: {
          content: [{ type: 'text', text: 'All done' }],
          usage: { input_tokens: 1000, output_tokens: 500 },
        },
      },
    ])
    const first = await agents.run({ entry, prompt: 'Write a file', options: model(said) })
    expect(first.outcome.error).toBeNull()
    expect(first.outcome).toMatchObject({
      state: 'completed',
      result: { text: 'All done', stopReason: 'end_turn' },
    })
    expect(readFileSync(file('made.txt'), 'utf8')).toBe('by the adapter')
    expect(first.context.of('permission:denied')).toEqual([
      expect.objectContaining({ tool: 'Bash', input: expect.objectContaining({ command: 'sudo rm -rf /' }) }),
    ])
    expect(first.context.of('acp:tool_call').length).toBeGreaterThanOrEqual(2)
    expect(JSON.stringify(first.context.events)).not.toContain('made-up-key')
    expect(first.outcome.usage?.costUsd).toBeGreaterThan(0)
    rmSync(file('made.txt'))

    const slow = await serve([use('Bash', { command: 'tail -f /dev/null' }, {})])
    const cut = agents.prepare({ entry, prompt: 'Wait', options: model(slow), resumes: first.context })
    const ended = cut.run()
    await expect.poll(() => JSON.stringify(cut.context.of('acp:tool_call_update'))).toContain('tail -f')
    cut.context.end()
    expect((await ended).outcome.data).toMatchObject({ reason: 'aborted' })
    expect(cut.context.of('acp:session')[0]).toMatchObject({ how: 'resume' })

    const last = await serve([say('I remember')])
    const third = await agents.run({ entry, prompt: 'And now?', options: model(last), resumes: cut.context })
    expect(third.outcome).toMatchObject({ state: 'completed', result: { text: 'I remember' } })
    // The adapter also asks for a title of the conversation, without tools, at a moment of its own.
    const asked = JSON.stringify(
      last.requests.findLast(({ body }) => ((body as { tools?: unknown[] }).tools ?? []).length > 0),
    )
    for (const words of ['Write a file', 'All done', 'And now?']) expect(asked).toContain(words)
    expect(existsSync(file('made.txt'))).toBe(false)
  })
})
