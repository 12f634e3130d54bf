import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyEvents, itemsOf, nest, newView, type ViewEvent } from '#view/index'

interface Said {
  type: string
  data: object
}

const stream = (event: object, parent: string | null = null): Said => ({
  type: 'stream_event',
  data: { type: 'stream_event', event, parent_tool_use_id: parent },
})
const whole = (block: object, parent: string | null = null): Said => ({
  type: 'assistant',
  data: { type: 'assistant', message: { model: 'model-1', content: [block] }, parent_tool_use_id: parent },
})
const result = (id: string, content: unknown, isError = false, parent: string | null = null): Said => ({
  type: 'user',
  data: {
    message: { content: [{ type: 'tool_result', tool_use_id: id, content, is_error: isError }] },
    parent_tool_use_id: parent,
  },
})

function viewOf(said: readonly Said[]) {
  const events: ViewEvent[] = said.map((one, index) => ({ seq: index + 1, ...one }))
  return applyEvents(newView('session'), events)
}

function answer(texts: readonly string[], cut: (text: string) => string[]): Said[] {
  return [
    stream({ type: 'message_start', message: { model: 'model-1' } }),
    ...texts.flatMap((text, index) => [
      stream({ type: 'content_block_start', index, content_block: { type: 'text' } }),
      ...cut(text).map((piece) => stream({ type: 'content_block_delta', delta: { text: piece } })),
      whole({ type: 'text', text }),
    ]),
  ]
}

const shown = (said: readonly Said[]) =>
  [...itemsOf(viewOf(said).items)].map((item) =>
    item.kind === 'call' ? item.toolName : 'text' in item ? item.text : item.type,
  )

describe('the view of a session', () => {
  it('a session shows the same texts however their deltas are cut, and without any', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1 }), { maxLength: 5 }), fc.nat(9), (texts, size) => {
        const pieces = (text: string) => text.match(new RegExp(`[^]{1,${size + 1}}`, 'g')) ?? []
        expect(shown(answer(texts, pieces))).toEqual(texts)
        expect(shown(answer(texts, () => []))).toEqual(texts)
      }),
    )
  })

  it('the streamed part of an answer stays when the model is asked again', () => {
    const half = answer(['Half of it'], (text) => [text]).slice(0, -1)
    const view = viewOf([...half, ...answer(['All of it'], (text) => [text])])
    expect([...itemsOf(view.items)]).toMatchObject([
      { text: 'Half of it', isOpen: false },
      { text: 'All of it', isOpen: false },
    ])
    expect(view.model).toBe('model-1')
  })

  it('the work of a subagent is shown below the call that started it', () => {
    const view = viewOf([
      whole({ type: 'tool_use', id: 'task', name: 'Task', input: {} }),
      whole({ type: 'tool_use', id: 'read', name: 'Read', input: {} }, 'task'),
      stream({ type: 'content_block_delta', delta: { text: 'not shown' } }, 'task'),
      result('read', 'content', false, 'task'),
      whole({ type: 'text', text: 'Found' }, 'task'),
      result('task', [{ type: 'text', text: 'Done' }, { type: 'image' }]),
      whole({ type: 'text', text: 'So' }),
    ])
    expect(nest(view.items)).toMatchObject([
      {
        item: { toolName: 'Task', status: 'ok', result: 'Done\n(image)' },
        children: [{ item: { toolName: 'Read', status: 'ok' } }, { item: { text: 'Found' } }],
      },
      { item: { text: 'So' }, children: [] },
    ])
  })

  it('the result of a call is shown even if its beginning is pruned', () => {
    expect([...itemsOf(viewOf([result('gone', 'content', true)]).items)]).toMatchObject([
      { toolCallId: 'gone', toolName: '', status: 'error', result: 'content' },
    ])
  })

  it('a session that is over has no open question and no running call, and shows its cost', () => {
    const view = viewOf([
      whole({ type: 'tool_use', id: 'a', name: 'Bash', input: { command: 'true' } }),
      {
        type: 'permission:requested',
        data: { approvalId: 'q', toolUseId: 'a', tool: 'Bash', input: {}, reason: 'r', expiresAt: 1 },
      },
      {
        type: 'result',
        data: { subtype: 'success', num_turns: 1, total_cost_usd: 0.0123, duration_ms: 1500 },
      },
      { type: 'aborted', data: { sessionId: 'x', state: 'aborted', reason: 'abort', error: 'Aborted' } },
    ])
    expect(view).toMatchObject({
      state: 'aborted',
      error: 'Aborted',
      approvals: [],
      turns: 1,
      costUsd: 0.0123,
    })
    expect([...itemsOf(view.items)]).toMatchObject([
      { status: 'cancelled' },
      { text: '1 turn · $0.0123 · 1.5 s', isError: false },
    ])
  })

  it('a turn that a message interrupted is not shown as a failure', () => {
    const cut = {
      subtype: 'error_during_execution',
      is_error: true,
      errors: ['[ede_diagnostic]'],
      num_turns: 3,
    }
    const view = viewOf([
      { type: 'result', data: { ...cut, terminal_reason: 'aborted_tools' } },
      { type: 'result', data: cut },
    ])
    expect([...itemsOf(view.items)]).toMatchObject([
      { text: 'turn interrupted · 3 turns', isError: false },
      { text: 'error_during_execution · [ede_diagnostic] · 3 turns', isError: true },
    ])
  })

  it('the view of a session says who answered a question', () => {
    const question = { approvalId: 'q', toolUseId: 'a', tool: 'Bash', input: {}, reason: 'r', expiresAt: 1 }
    const view = viewOf([
      { type: 'permission:requested', data: question },
      {
        type: 'permission:resolved',
        data: { approvalId: 'q', decision: 'deny', by: 'person', user: 'ann', message: 'Not now' },
      },
    ])
    expect([...itemsOf(view.items)]).toMatchObject([
      { kind: 'note', text: 'Denied by ann: Bash\nNot now', isError: true },
    ])
  })

  it('tasks that the agent makes, takes up, completes and deletes are its plan', () => {
    const call = (id: string, name: string, input: object) => whole({ type: 'tool_use', id, name, input })
    const view = viewOf([
      call('a', 'TaskCreate', { subject: 'Look', description: 'd' }),
      call('b', 'TaskCreate', { subject: 'Mend', description: 'd' }),
      result('a', 'Task #1 created successfully: Look'),
      result('b', 'Task #2 created successfully: Mend'),
      call('c', 'TaskCreate', { subject: 'Refused', description: 'd' }),
      result('c', 'No', true),
      call('d', 'TaskUpdate', { taskId: '1', status: 'completed' }),
      result('d', 'Updated task #1 status'),
      call('e', 'TaskUpdate', { taskId: '2', status: 'in_progress', subject: 'Mend it' }),
      result('e', 'Updated task #2 status'),
      call('f', 'TaskCreate', { subject: 'Again' }),
      result('f', 'Task #3 created successfully: Again'),
      call('g', 'TaskUpdate', { taskId: '3', status: 'deleted' }),
      result('g', 'Updated task #3 deleted'),
    ])
    expect(view.phases).toEqual([
      { id: 'task-1', name: 'Look', status: 'complete' },
      { id: 'task-2', name: 'Mend it', status: 'active' },
    ])
  })

  it('a session that waits for a message says until when, and no longer once one arrives or it ends', () => {
    const idle = { type: 'session:idle', data: { until: 5000 } }
    const message = { type: 'message:queued', data: { messageId: 'm', text: 'Go on', user: 'anna' } }
    expect(viewOf([idle]).idleUntil).toBe(5000)
    expect(viewOf([idle, message])).toMatchObject({ idleUntil: null, items: { tail: [{ text: 'Go on' }] } })
    expect(viewOf([idle, { type: 'completed', data: { state: 'completed' } }]).idleUntil).toBeNull()
  })
})
