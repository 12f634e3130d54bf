/** What a program elsewhere may write into a log: any JSON, under any type that is not reserved. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runKinds } from '#runs'
import { applyEvents, callInFull, callInLine, itemsOf, nest, newView } from '#view/index'

const types = [
  'model:retry',
  'context:compacted',
  'execution:started',
  'plan:created',
  'plan:updated',
  'phase:start',
  'phase:complete',
  'thinking',
  'text:delta',
  'tool:start',
  'tool:output',
  'tool:complete',
  'usage',
  'message:queued',
  'message:delivered',
  'message:withdrawn',
  'permission:requested',
  'permission:resolved',
  'permission:denied',
  'acp:tool_call',
  'acp:plan',
  'acp:usage_update',
  'constructor',
  '__proto__',
  'toString',
]
const fields = [
  'attempt',
  'attemptsMax',
  'error',
  'message',
  'tool',
  'reason',
  'user',
  'by',
  'toolCallId',
  'toolName',
  'params',
  'messageId',
  'approvalId',
  'phaseId',
  'text',
  'tokens',
  'cost',
  'entries',
]
/** An object that cannot be made a text. */
const textless = { toString: 1, valueOf: 1 }

describe('a view of events that other programs write', () => {
  it('takes any JSON in any field of any type, names of JavaScript’s own and what is no text included', () => {
    const value = fc.oneof(fc.constant(textless), fc.constantFrom('a', 'b', '__proto__'), fc.jsonValue())
    const data = fc.dictionary(fc.constantFrom(...fields), value)
    const events = fc.array(fc.record({ type: fc.constantFrom(...types), data }), { maxLength: 20 })
    fc.assert(
      fc.property(fc.constantFrom(...runKinds), events, (kind, story) => {
        const numbered = story.map((one, index) => ({ seq: index + 1, ...one }))
        const view = applyEvents(newView(kind), numbered)
        expect(view.head).toBe(story.length)
        if (view.kind === 'job') return
        nest(view.items)
        for (const item of itemsOf(view.items)) {
          if (item.kind !== 'call') continue
          callInLine(item.toolName, item.input)
          callInFull(item.toolName, item.input)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('counts tokens only in numbers, and has each phase of a plan once', () => {
    const phases = [
      { id: 'a', name: 'A' },
      { id: 'a', name: 'A again' },
      { id: 'b', name: 'B' },
    ]
    const view = applyEvents(newView('external'), [
      { seq: 1, type: 'usage', data: { tokens: { input: 3, output: { a: 1 }, cached: null } } },
      { seq: 2, type: 'plan:created', data: { plan: { goal: 'g', phases } } },
    ])
    expect(view.tokens).toEqual({ input: 3 })
    expect(view.phases.map(({ id }) => id)).toEqual(['a', 'b'])
  })

  it('a plan of thousands of phases is read at once, and as many of them are kept as of items', () => {
    const phases = Array.from({ length: 60_000 }, (_, index) => ({ id: `${index}` }))
    const view = applyEvents(newView('external', { itemsMax: 50 }), [
      { seq: 1, type: 'plan:created', data: { plan: { phases } } },
      ...phases.slice(0, 2000).map(({ id }, index) => ({
        seq: index + 2,
        type: 'phase:start',
        data: { phaseId: `other ${id}` },
      })),
      { seq: 2002, type: 'plan:updated', data: { plan: { phases: phases.slice(10, 20) } } },
    ])
    expect(view.phases.map(({ id }) => id)).toEqual(phases.slice(10, 20).map(({ id }) => id))
    const again = applyEvents(view, [{ seq: 2003, type: 'plan:updated', data: { plan: { phases } } }])
    expect(again.phases.length).toBe(50)
  })
})
