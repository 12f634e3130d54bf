import { describe, expect, it } from 'vitest'
import { messagesRequest, readConversation } from '#conversation'
import { findStep } from '#matching'
import { parseScript, type Script } from '#script'
import { prompt, type Turn } from './support/messages-client.ts'

function read(messages: Turn[], system?: string) {
  return readConversation(messagesRequest.parse({ model: 'm', messages, system }))
}

const said = (text: string): Turn => ({ role: 'assistant', content: [{ type: 'text', text }] })
const used = (id: string, name: string): Turn => ({
  role: 'assistant',
  content: [{ type: 'tool_use', id, name, input: {} }],
})
const result = (id: string, content: unknown, is_error?: boolean): Turn => ({
  role: 'user',
  content: [{ type: 'tool_result', tool_use_id: id, content, is_error }],
})

describe('a conversation', () => {
  it('counts answers as turns: an answer in several parts once, and continuing over a resume', () => {
    expect(read([prompt('a')]).turn).toBe(1)
    expect(read([prompt('a'), said('1'), used('t', 'Bash'), result('t', 'ok')]).turn).toBe(2)
    expect(read([prompt('a'), said('1'), prompt('b'), said('2'), prompt('c')]).turn).toBe(3)
  })

  it('distinguishes a prompt from the reminders of the agent beside it', () => {
    const content = [
      { type: 'text', text: '<system-reminder>\nsay nothing\n</system-reminder>' },
      { type: 'text', text: 'Fix it' },
    ]
    const conversation = read([
      { role: 'user', content },
      { role: 'system', content: 'Environment' },
    ])
    expect(conversation).toMatchObject({ text: 'Fix it', prompt: 'Fix it', toolResults: [] })
  })

  it('keeps the newest prompt while tool results follow it', () => {
    const conversation = read([
      prompt('old'),
      said('1'),
      prompt('new'),
      used('t', 'Bash'),
      result('t', 'out', true),
    ])
    expect(conversation.prompt).toBe('new')
    expect(conversation.text).toBeUndefined()
    expect(conversation.toolResults).toEqual([{ tool: 'Bash', text: 'out', isError: true }])
  })

  it('reads the working directory that the agent stated last', () => {
    const stated = (path: string): Turn => ({
      role: 'system',
      content: `# Environment\n - Primary working directory: ${path}\n`,
    })
    expect(read([prompt('a')]).cwd).toBeUndefined()
    expect(read([prompt('a')], 'Working directory: /in/system').cwd).toBe('/in/system')
    expect(read([prompt('a'), stated('/one dir'), said('1'), prompt('b'), stated('/two')]).cwd).toBe('/two')
    expect(read([prompt('a'), stated('/one dir')]).cwd).toBe('/one dir')
  })
})

describe('the step that answers', () => {
  const reply = { content: [] }
  const pick = (steps: Script['steps'], messages: Turn[], uses = new Map<number, number>()) =>
    findStep(parseScript({ name: 'x', steps }), read(messages, 'You are a helper'), uses)

  it('is the first step whose conditions all hold', () => {
    const steps: Script['steps'] = [
      { when: { turn: 2, text: 'hello' }, reply },
      { when: { text: 'hello', system: 'helper', model: 'm' }, reply },
      { reply },
    ]
    expect(pick(steps, [prompt('hello')])?.index).toBe(1)
    expect(pick(steps, [prompt('hello'), said('1'), prompt('hello')])?.index).toBe(0)
    expect(pick(steps, [prompt('bye')])?.index).toBe(2)
    expect(pick(steps.slice(0, 1), [prompt('bye')])).toBeUndefined()
  })

  it('can depend on the tool of a result, its text, and its failure', () => {
    const steps: Script['steps'] = [
      { when: { toolResult: { tool: 'Bash', isError: true } }, reply },
      { when: { toolResult: { tool: 'Bash', text: { regex: 'pass (\\d+)' } } }, reply },
      { when: { toolResult: {} }, reply },
      { when: { text: '' }, reply },
    ]
    const after = (name: string, text: string, failed = false) =>
      pick(steps, [prompt('go'), used('t', name), result('t', [{ type: 'text', text }], failed)])
    expect(after('Bash', 'no', true)?.index).toBe(0)
    expect(after('Bash', 'pass 12')).toMatchObject({
      index: 1,
      fillings: { match: { 1: '12' }, result: 'pass 12' },
    })
    expect(after('Read', 'pass 12')?.index).toBe(2)
    expect(pick(steps, [prompt('go')])?.index).toBe(3)
  })

  it('is skipped once it has answered as often as it may', () => {
    const steps: Script['steps'] = [{ times: 2, reply }, { reply }]
    expect(pick(steps, [prompt('a')], new Map([[0, 1]]))?.index).toBe(0)
    expect(pick(steps, [prompt('a')], new Map([[0, 2]]))?.index).toBe(1)
  })
})
