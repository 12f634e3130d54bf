/** An agent from its start to its end: the scripted agent, unmodified SDK on its side, in the real sandbox. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openAgents, saidIn, scripted } from './support/agents.ts'

const agents = openAgents()
const file = (name: string) => join(agents.project, name)

describe('an agent that speaks ACP', () => {
  it('every update is an event, whole and in order, and the last words are the result', async () => {
    const { context, outcome } = await agents.run({
      prompt: 'think hmm\nplan one*; two\nsay before\nrun echo out\ncost 0.25\nsay after',
    })
    expect(context.outline).toEqual([
      'acp:session',
      'acp:agent_thought_chunk',
      'acp:plan',
      'acp:agent_message_chunk',
      'acp:tool_call',
      'acp:tool_call_update',
      'acp:tool_call_update',
      'acp:usage_update',
      'acp:agent_message_chunk',
      'acp:turn_end',
    ])
    expect(context.of('acp:plan')[0]).toMatchObject({
      sessionUpdate: 'plan',
      entries: [
        { content: 'one', status: 'completed' },
        { content: 'two', status: 'pending' },
      ],
    })
    expect(context.of('acp:tool_call_update')[1]).toMatchObject({
      status: 'completed',
      content: [{ content: { text: 'out\n' } }],
    })
    expect(outcome).toMatchObject({
      state: 'completed',
      data: { sessionId: context.run.id, state: 'completed' },
      result: { text: 'after', agent: 'scripted', stopReason: 'end_turn', numTurns: 1 },
      usage: { costUsd: 0.25, inputTokens: 10, outputTokens: 2, turns: 1 },
    })
    expect(context.startedWith).toEqual({ boundary: 'bubblewrap', agent: 'scripted' })
    expect(context.process?.pid).toBeGreaterThan(0)
  })

  it('an agent has its own mode, home and variables, no network and nothing of the server', async () => {
    const entry = scripted({ env: { KEY: 'its-own' }, files: new Map([['.config/agent', 'given']]) })
    const { context } = await agents.run({
      entry,
      prompt:
        'mode\nenvironment KEY\nenvironment HOME\nread /home/run/.config/agent\nrun cat /proc/net/dev | grep -c eth; ls ~',
    })
    expect(saidIn(context)).toEqual(['default', 'its-own', '/home/run', 'given'])
    expect(JSON.stringify(context.events)).not.toContain('ANTHROPIC')
  })

  it('a call that is allowed runs, once and not for ever; a denied one does not, and the turn goes on', async () => {
    const { context, outcome } = await agents.run({
      prompt: 'write inside.txt one\nwrite /etc/passwd two\nsay done',
    })
    expect(readFileSync(file('inside.txt'), 'utf8')).toBe('one')
    expect(context.of('permission:denied')).toEqual([
      expect.objectContaining({ tool: 'Edit', input: { file_path: '/etc/passwd' } }),
    ])
    expect(context.of('acp:tool_call')).toHaveLength(2)
    expect(JSON.stringify(context.of('acp:tool_call_update').at(-1))).toContain(
      'answered with option-reject_once',
    )
    expect(outcome).toMatchObject({ state: 'completed', result: { text: 'done' } })
  })

  it('people are asked where the policy asks, and see the call', async () => {
    const { context, run } = agents.prepare({
      prompt: 'mystery Frobnicate\nmystery Twiddle',
      approvals: 'on',
    })
    context.answer = async ({ input }) => ({
      decision: (input as { title: string }).title === 'Frobnicate' ? 'allow' : 'deny',
      by: 'person',
    })
    await run()
    expect(context.questions.map(({ tool, input }) => [tool, input])).toEqual([
      ['undescribed', { title: 'Frobnicate', kind: 'other' }],
      ['undescribed', { title: 'Twiddle', kind: 'other' }],
    ])
    const ends = context.of('acp:tool_call_update').map(({ status }) => status)
    expect(ends).toEqual(['in_progress', 'completed', 'failed'])
  })

  it('a call of an agent that asks for nothing is recorded', async () => {
    const entry = scripted({ mode: 'yolo' })
    const { context } = await agents.run({ entry, prompt: `write ${file('unasked.txt')} x` })
    expect(existsSync(file('unasked.txt'))).toBe(true)
    expect(context.of('acp:tool_call')).toEqual([
      expect.objectContaining({ title: `Write ${file('unasked.txt')}` }),
    ])
  })

  it('requests for what this client does not offer are refused at once', async () => {
    const { context } = await agents.run({
      prompt: 'ask fs/read_text_file\nask terminal/create\nask elicitation/create\nask _vendor/thing',
    })
    expect(saidIn(context)).toEqual(Array(4).fill('refused with -32601'))
  })

  it('output that is no message is noted and changes nothing else', async () => {
    const { context, outcome } = await agents.run({ prompt: 'garbage\nsay done' })
    expect(context.of('acp:stray_output')).toEqual([{ line: 'Warning: this is no JSON' }, { line: '[1, 2]' }])
    expect(outcome.state).toBe('completed')
  })

  it('without a sandbox no such agent starts, unless the sandbox is switched off', async () => {
    const refused = await agents.run({ sandbox: agents.loose })
    expect(refused.outcome).toMatchObject({ state: 'errored', data: { reason: 'not_started' } })
    const { outcome } = await agents.run({ sandbox: agents.loose, options: { needsBoundary: false } })
    expect(outcome).toMatchObject({ state: 'completed', result: { text: 'hello' } })
  })
})
