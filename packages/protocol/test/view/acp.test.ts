import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyEvents, itemsOf, newView, type SessionView, type ViewEvent } from '#view/index'

const update = (sessionUpdate: string, data: object = {}) => ({
  type: `acp:${sessionUpdate}`,
  data: { sessionUpdate, ...data },
})
const chunk = (text: string, kind = 'message') =>
  update(`agent_${kind}_chunk`, { content: { type: 'text', text } })

function viewOf(said: readonly { type: string; data: unknown }[], bounds = {}): SessionView {
  const events: ViewEvent[] = said.map((one, index) => ({ seq: index + 1, ...one }))
  return applyEvents(newView('session', bounds), events)
}
const items = (...said: { type: string; data: unknown }[]) => [...itemsOf(viewOf(said).items)]

describe('the view of a session with an agent that speaks ACP', () => {
  it('chunks in a row are one text, and a call between them begins another', () => {
    const call = update('tool_call', { toolCallId: 'c', title: 'Read a.ts', status: 'pending' })
    expect(items(chunk('Hm', 'thought'), chunk('One '), chunk('two'), call, chunk('three'))).toMatchObject([
      { kind: 'thinking', text: 'Hm', isOpen: false },
      { kind: 'text', text: 'One two', isOpen: false },
      { kind: 'call', toolName: 'Read a.ts', status: 'running' },
      { kind: 'text', text: 'three', isOpen: true },
    ])
  })

  it('a call is shown with what its updates say of it, whichever comes first', () => {
    const said = (text: string) => [{ type: 'content', content: { type: 'text', text } }]
    expect(
      items(
        update('tool_call', { toolCallId: 'c', title: 'Run', kind: 'execute', rawInput: { command: 'ls' } }),
        update('tool_call_update', { toolCallId: 'c', status: 'in_progress', content: said('a') }),
        update('tool_call_update', { toolCallId: 'c', status: 'completed', content: said('a\nb') }),
        update('tool_call_update', { toolCallId: 'd', status: 'failed', title: 'Edit' }),
      ),
    ).toMatchObject([
      { toolName: 'Run', input: { command: 'ls' }, status: 'ok', output: { text: 'a\nb' }, result: 'a\nb' },
      { toolName: 'Edit', status: 'error', result: '' },
    ])
  })

  it('a call has the files that its updates show before and after, as many as fit', () => {
    const diff = (path: string, oldText: string | null, newText: string) => ({
      type: 'diff',
      path,
      oldText,
      newText,
    })
    const content = [diff('/p/a.ts', 'x', 'y'), diff('/p/b.ts', null, 'z'), { type: 'diff', path: 7 }]
    const call = update('tool_call', { toolCallId: 'c', title: 'Edit', content })
    const done = update('tool_call_update', { toolCallId: 'c', status: 'completed' })
    expect(items(call, done)).toMatchObject([
      {
        status: 'ok',
        edits: [
          { path: '/p/a.ts', before: 'x', after: 'y' },
          { path: '/p/b.ts', before: null, after: 'z' },
        ],
      },
    ])
    const [bounded] = itemsOf(viewOf([call], { textCharsMax: 2 }).items)
    expect(bounded).toMatchObject({ edits: [{ path: '/p/a.ts' }] })
  })

  it('the plan lights up, and the cost is known where it is in dollars', () => {
    const entries = [
      { content: 'Look', status: 'completed' },
      { content: 'Mend', status: 'in_progress' },
      { content: 'Test', status: 'pending' },
    ]
    const costs = [
      { amount: 0.5, currency: 'USD' },
      { amount: 9, currency: 'EUR' },
    ].map((cost) => update('usage_update', { cost }))
    const view = viewOf([update('plan', { entries }), ...costs])
    expect(view.phases.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'Look complete',
      'Mend active',
      'Test pending',
    ])
    expect(view.costUsd).toBe(0.5)
  })

  it('an update that nothing has words for is shown as it is', () => {
    expect(items(update('quota', { left: 3 }), update('available_commands_update'))).toMatchObject([
      { kind: 'event', type: 'acp:quota', data: { left: 3 } },
    ])
  })

  it('updates of any shape change nothing but the view', () => {
    const type = fc.constantFrom(
      'acp:agent_message_chunk',
      'acp:tool_call',
      'acp:tool_call_update',
      'acp:plan',
      'acp:usage_update',
      'acp:x',
    )
    const data = fc.oneof(
      fc.jsonValue(),
      fc.record({
        toolCallId: fc.constantFrom('a', 'b'),
        content: fc.jsonValue(),
        entries: fc.array(fc.jsonValue()),
        status: fc.constantFrom('pending', 'completed', 'failed', 'odd'),
      }),
    )
    fc.assert(
      fc.property(fc.array(fc.record({ type, data })), (said) => {
        const view = viewOf(said)
        expect(view.head).toBe(said.length)
        expect(JSON.parse(JSON.stringify([...itemsOf(view.items)]))).toBeInstanceOf(Array)
      }),
    )
  })
})

describe('events of no kind', () => {
  it('a message waits until it is delivered or withdrawn', () => {
    const queued = (messageId: string) => ({
      type: 'message:queued',
      data: { messageId, mode: 'queue', text: `text ${messageId}`, user: 'ann' },
    })
    const delivered = { type: 'message:delivered', data: { messageId: 'a' } }
    const withdrawn = { type: 'message:withdrawn', data: { messageId: 'b' } }
    expect(items(queued('a'), queued('b'), queued('c'), delivered, withdrawn)).toMatchObject([
      { kind: 'message', text: 'text a', user: 'ann', status: 'delivered' },
      { kind: 'message', status: 'withdrawn' },
      { kind: 'message', status: 'waiting' },
    ])
  })

  it('an external run shows every event of its own vocabulary, and the notes of an execution', () => {
    const said = [
      { type: 'progress', data: { percent: 10 } },
      { type: 'model:retry', data: { error: 'overloaded', attempt: 2, attemptsMax: 5 } },
      { type: 'context:compacted', data: {} },
      { type: 'execution:later', data: {} },
    ]
    const events = said.map((one, index) => ({ seq: index + 1, ...one }))
    expect([...itemsOf(applyEvents(newView('external'), events).items)]).toMatchObject([
      { kind: 'event', type: 'progress', data: { percent: 10 } },
      { kind: 'note', text: "The model's API failed (overloaded); attempt 2 of 5" },
      { kind: 'note', text: 'The conversation was shortened' },
    ])
  })

  it('an event of another program is shown, with its data unless that is too long', () => {
    const said = [
      { type: 'deploy:step', data: { name: 'copy' } },
      { type: 'deploy:log', data: { text: 'x'.repeat(200) } },
      { type: 'run:started', data: {} },
    ]
    expect([...itemsOf(viewOf(said, { textCharsMax: 100 }).items)]).toMatchObject([
      { kind: 'event', type: 'deploy:step', data: { name: 'copy' } },
      { kind: 'event', type: 'deploy:log', data: undefined },
    ])
  })
})
