/** Sequences as the four agents wrote them, shortened, and what an execution makes of them. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Translator } from '#agents/acp/execution/translator'

type Said = [sessionUpdate: string, fields: object]

function movesOf(...said: Said[]) {
  const translator = new Translator('The goal')
  return said.flatMap(([name, fields]) => translator.take(`acp:${name}`, { sessionUpdate: name, ...fields }))
}

const text = (words: string) => ({ content: { type: 'text', text: words } })
const content = (words: string) => [{ type: 'content', ...text(words) }]

describe('updates of an agent that speaks ACP', () => {
  it('a call that is announced without its input begins once the input is known (opencode)', () => {
    const id = { toolCallId: 'call_1' }
    expect(
      movesOf(
        [
          'tool_call',
          { ...id, title: 'bash', kind: 'execute', status: 'pending', locations: [], rawInput: {} },
        ],
        [
          'tool_call_update',
          { ...id, status: 'in_progress', title: 'ls', kind: 'execute', rawInput: { command: 'ls' } },
        ],
        [
          'tool_call_update',
          { ...id, status: 'in_progress', title: 'ls', rawInput: { command: 'ls' }, content: content('a') },
        ],
        ['tool_call_update', { ...id, status: 'in_progress', content: content('a\nb') }],
        [
          'tool_call_update',
          {
            ...id,
            status: 'completed',
            title: 'ls',
            content: content('a\nb'),
            rawOutput: { output: 'a\nb' },
          },
        ],
        ['turn_end', { stopReason: 'end_turn', usage: { inputTokens: 7, outputTokens: 2, totalTokens: 9 } }],
      ),
    ).toEqual([
      { move: 'step' },
      {
        move: 'tool-start',
        toolCallId: 'call_1',
        toolName: 'execute',
        params: { title: 'ls', command: 'ls' },
      },
      { move: 'tool-output', toolCallId: 'call_1', text: 'a' },
      { move: 'tool-output', toolCallId: 'call_1', text: '\nb' },
      { move: 'tool-complete', toolCallId: 'call_1', status: 'ok', result: 'a\nb' },
      { move: 'usage', tokens: { input: 7, output: 2 }, costUsd: null },
    ])
  })

  it('a call that is first heard of when it has ended begins and ends (Gemini CLI)', () => {
    const diff = [{ type: 'diff', path: '/p/a.txt', oldText: '', newText: 'x' }]
    const usage = { _meta: { quota: { token_count: { input_tokens: 5, output_tokens: 1 } } } }
    expect(
      movesOf(
        [
          'tool_call_update',
          { toolCallId: 'w', status: 'completed', title: 'Writing to a.txt', content: diff, kind: 'edit' },
        ],
        ['agent_message_chunk', text('All ')],
        ['agent_message_chunk', text('done')],
        ['turn_end', { stopReason: 'end_turn', ...usage }],
      ),
    ).toEqual([
      { move: 'step' },
      { move: 'tool-start', toolCallId: 'w', toolName: 'edit', params: { title: 'Writing to a.txt' } },
      { move: 'tool-complete', toolCallId: 'w', status: 'ok', result: 'changed /p/a.txt' },
      { move: 'step' },
      { move: 'text', messageId: 'm1', text: 'All ' },
      { move: 'text', messageId: 'm1', text: 'done' },
      { move: 'usage', tokens: { input: 5, output: 1 }, costUsd: null },
    ])
  })

  it('names of tools, texts with ids and no usage are taken as they are (Codex)', () => {
    const call = {
      toolCallId: 'c',
      name: 'exec_command',
      kind: 'execute',
      title: 'ls',
      status: 'in_progress',
    }
    expect(
      movesOf(
        [
          'tool_call',
          { ...call, content: [{ type: 'terminal', terminalId: 'c' }], rawInput: { command: 'ls' } },
        ],
        [
          'tool_call_update',
          { toolCallId: 'c', status: 'completed', _meta: { terminal_exit: { exit_code: 0 } } },
        ],
        ['usage_update', { used: 0, size: 258_400 }],
        ['agent_message_chunk', { messageId: 'msg_1', ...text('Done') }],
        ['turn_end', { stopReason: 'end_turn', usage: null, _meta: { quota: { token_count: null } } }],
      ),
    ).toEqual([
      { move: 'step' },
      {
        move: 'tool-start',
        toolCallId: 'c',
        toolName: 'exec_command',
        params: { title: 'ls', command: 'ls' },
      },
      { move: 'tool-complete', toolCallId: 'c', status: 'ok', result: '' },
      { move: 'step' },
      { move: 'text', messageId: 'msg_1', text: 'Done' },
    ])
  })

  it('calls of a subagent name their parent, and the cost is the latest that was said (Claude)', () => {
    const claude = { _meta: { claudeCode: { toolName: 'Read', parentToolUseId: 'task' } } }
    expect(
      movesOf(
        [
          'tool_call',
          { toolCallId: 'r', title: 'Read a', kind: 'read', rawInput: { file_path: 'a' }, ...claude },
        ],
        ['usage_update', { used: 1, size: 2, cost: { amount: 0.1, currency: 'USD' } }],
        ['usage_update', { used: 1, size: 2, cost: { amount: 0.2, currency: 'USD' } }],
      ),
    ).toEqual([
      { move: 'step' },
      {
        move: 'tool-start',
        toolCallId: 'r',
        toolName: 'Read',
        params: { title: 'Read a', file_path: 'a' },
        parentToolCallId: 'task',
      },
      { move: 'usage', tokens: {}, costUsd: 0.1 },
      { move: 'usage', tokens: {}, costUsd: 0.2 },
    ])
  })

  it('a thought is whole when something else comes, and plans keep the ids of their phases', () => {
    const plan = (...entries: [string, string][]) => ({
      entries: entries.map(([name, status]) => ({ content: name, status })),
    })
    expect(
      movesOf(
        ['agent_thought_chunk', text('Let me ')],
        ['agent_thought_chunk', text('see')],
        ['plan', plan(['Look', 'in_progress'], ['Fix', 'pending'])],
        ['plan', plan(['Fix', 'in_progress'], ['Test', 'pending'])],
      ),
    ).toEqual([
      { move: 'step' },
      { move: 'thought', thought: 'Let me see' },
      {
        move: 'plan',
        goal: 'The goal',
        phases: [
          { id: 'p1', name: 'Look', status: 'active' },
          { id: 'p2', name: 'Fix', status: 'pending' },
        ],
      },
      {
        move: 'plan',
        goal: 'The goal',
        phases: [
          { id: 'p2', name: 'Fix', status: 'active' },
          { id: 'p3', name: 'Test', status: 'pending' },
        ],
      },
    ])
  })

  it('a denied call is completed as denied', () => {
    const translator = new Translator('')
    const call = { toolCallId: 'c', kind: 'execute', title: 'rm', rawInput: { command: 'rm' } }
    translator.take('acp:tool_call', { sessionUpdate: 'tool_call', ...call })
    translator.denied('c')
    expect(translator.take('acp:tool_call_update', { toolCallId: 'c', status: 'failed' })).toEqual([
      { move: 'tool-complete', toolCallId: 'c', status: 'denied', result: '' },
    ])
  })

  it('every call that completes has begun before, once, whatever an agent writes', () => {
    const field = fc.constantFrom(
      'content',
      'rawInput',
      'title',
      'locations',
      '_meta',
      'rawOutput',
      'usage',
      'entries',
      'cost',
    )
    const fields = fc.dictionary(field, fc.jsonValue())
    const known = fc.record({
      toolCallId: fc.constantFrom('a', 'b'),
      status: fc.constantFrom('pending', 'in_progress', 'completed', 'failed'),
    })
    const types = [
      'tool_call',
      'tool_call_update',
      'plan',
      'usage_update',
      'turn_end',
      'agent_message_chunk',
      'session',
    ]
    const said = fc.tuple(
      fc.constantFrom(...types),
      fc.tuple(fields, known).map(([one, other]) => ({ ...one, ...other })),
    )
    fc.assert(
      fc.property(fc.array(said, { maxLength: 30 }), (all) => {
        const open = new Set<string>()
        for (const move of movesOf(...(all as Said[]))) {
          if (move.move === 'tool-start') {
            expect(open.has(move.toolCallId)).toBe(false)
            open.add(move.toolCallId)
          }
          if (move.move === 'tool-complete') expect(open.delete(move.toolCallId)).toBe(true)
          if (move.move === 'tool-output') expect(open.has(move.toolCallId)).toBe(true)
        }
      }),
    )
  })
})
