import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runKinds } from '#runs'
import {
  applyEvent,
  applyEvents,
  itemsOf,
  lengthOf,
  type Nested,
  nest,
  newView,
  resetView,
  type ViewEvent,
} from '#view/index'
import { anyStory, type Told } from './stories.ts'

function toldBy(nested: readonly Nested[]): Told[] {
  return nested.map(({ item, children }) => {
    if (item.kind === 'call')
      return { what: `call ${item.toolCallId} ${item.status}`, children: toldBy(children) }
    return { what: `${item.kind} ${'text' in item ? item.text : item.type}`, children: toldBy(children) }
  })
}

/** Freezes what a view holds, so that a reducer that changes an earlier view throws. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const one of Object.values(value)) frozen(one)
  }
  return value
}

describe('the view of an execution', () => {
  it('an execution shows every item once, in order, below its parent, with its phases, for any story', () => {
    fc.assert(
      fc.property(anyStory, ({ events, tree, phases, goal, state }) => {
        const view = applyEvents(newView('execution'), events)
        expect(toldBy(nest(view.items))).toEqual(tree)
        expect(view.phases.map(({ id, status }) => ({ id, status }))).toEqual(phases)
        expect(view).toMatchObject({ goal, state, task: 'Anything', startedAt: 1, head: events.length })
      }),
      { numRuns: 400 },
    )
  })

  it('a view is the same whether events are applied one by one, in batches, or twice', () => {
    fc.assert(
      fc.property(anyStory, fc.array(fc.nat(60), { maxLength: 6 }), ({ events }, cuts) => {
        const whole = applyEvents(newView('execution'), events)
        const places = [0, ...cuts.filter((cut) => cut < events.length).sort((a, b) => a - b), events.length]
        let batched = newView('execution')
        for (const [index, from] of places.entries()) {
          // Each batch begins with events that the view has seen.
          batched = applyEvents(batched, events.slice(Math.max(0, from - 3), places[index + 1]))
        }
        expect(batched).toEqual(whole)
      }),
    )
  })

  it('a view is the same after a reset and a replay', () => {
    fc.assert(
      fc.property(anyStory, fc.nat(60), ({ events }, until) => {
        const part = applyEvents(newView('external', { itemsMax: 7 }), events.slice(0, until))
        const again = applyEvents(resetView(part, { firstSeq: 1 }), events)
        expect(again).toEqual(applyEvents(newView('external', { itemsMax: 7 }), events))
      }),
    )
  })

  it('applying an event never changes an earlier view', () => {
    fc.assert(
      fc.property(anyStory, ({ events }) => {
        let view = frozen(newView('execution'))
        for (const event of events) view = frozen(applyEvent(view, event))
      }),
    )
  })

  it('a new view shares the objects that an event does not change', () => {
    const start = (seq: number, toolCallId: string): ViewEvent => ({
      seq,
      type: 'tool:start',
      data: { toolName: 'Read', params: {}, toolCallId },
    })
    const before = applyEvents(newView('execution'), [
      { seq: 1, type: 'phase:start', data: { phaseId: 'p', phaseName: 'P', phaseIndex: 0 } },
      start(2, 'a'),
      start(3, 'b'),
    ])
    const after = applyEvent(before, { seq: 4, type: 'tool:output', data: { toolCallId: 'b', text: 'x' } })
    const [first, second] = itemsOf(after.items)
    const [firstBefore, secondBefore] = itemsOf(before.items)
    expect(first).toBe(firstBefore)
    expect(second).not.toBe(secondBefore)
    expect(after.phases).toBe(before.phases)
    expect(applyEvent(after, start(3, 'b'))).toBe(after)
  })

  it('a new plan neither drops a phase that has begun nor resets its progress', () => {
    const plan = (...ids: string[]) => ({
      plan: { goal: 'g', phases: ids.map((id) => ({ id, name: id, status: 'pending' })) },
    })
    const view = applyEvents(newView('execution'), [
      { seq: 1, type: 'plan:created', data: plan('a', 'b', 'c') },
      { seq: 2, type: 'phase:start', data: { phaseId: 'a', phaseName: 'a', phaseIndex: 0 } },
      { seq: 3, type: 'phase:complete', data: { phaseId: 'a', phaseName: 'a' } },
      { seq: 4, type: 'phase:start', data: { phaseId: 'b', phaseName: 'b', phaseIndex: 1 } },
      { seq: 5, type: 'plan:updated', data: plan('b', 'd') },
    ])
    expect(view.phases.map(({ id, status }) => `${id} ${status}`)).toEqual([
      'b active',
      'd pending',
      'a complete',
    ])
    const over = applyEvent(view, {
      seq: 6,
      type: 'execution:error',
      data: { error: 'no', code: 'cancelled' },
    })
    expect(over).toMatchObject({ state: 'aborted', error: 'no', phaseId: null })
    expect(over.phases[0]).toMatchObject({ id: 'b', status: 'incomplete' })
  })

  it('a call is shown as asked while a question about it is open', () => {
    const ask = { approvalId: 'q', toolUseId: 'a', tool: 'Bash', input: {}, reason: 'r', expiresAt: 1 }
    const asked = applyEvents(newView('execution'), [
      { seq: 1, type: 'tool:start', data: { toolName: 'Bash', params: {}, toolCallId: 'a' } },
      { seq: 2, type: 'permission:requested', data: ask },
    ])
    expect([...itemsOf(asked.items)]).toMatchObject([{ status: 'asked' }])
    expect(asked.approvals).toEqual([ask])
    const resolved = { approvalId: 'q', decision: 'allow', by: 'person' }
    const after = applyEvent(asked, { seq: 3, type: 'permission:resolved', data: resolved })
    expect([...itemsOf(after.items)]).toMatchObject([{ status: 'running' }])
    expect(after.approvals).toEqual([])
  })
})

describe('any view', () => {
  it('no view throws on malformed data of any type', () => {
    const types = [
      'execution:started',
      'plan:created',
      'phase:start',
      'phase:complete',
      'thinking',
      'text:delta',
    ]
    const more = [
      'tool:start',
      'tool:output',
      'tool:complete',
      'usage',
      'system',
      'assistant',
      'user',
      'result',
    ]
    const permissions = ['permission:requested', 'permission:resolved', 'permission:denied']
    const event = fc.record({
      type: fc.constantFrom(...types, ...more, 'stream_event', 'output', 'complete', ...permissions),
      data: fc.oneof(
        fc.jsonValue(),
        fc.record({
          message: fc.jsonValue(),
          event: fc.jsonValue(),
          plan: fc.jsonValue(),
          text: fc.jsonValue(),
        }),
        fc.record({ toolCallId: fc.string(), messageId: fc.string(), phaseId: fc.string() }),
      ),
    })
    fc.assert(
      fc.property(fc.constantFrom(...runKinds), fc.array(event, { maxLength: 20 }), (kind, events) => {
        const numbered = events.map((one, index) => ({ seq: index + 1, ...one }))
        expect(applyEvents(newView(kind), numbered).head).toBe(events.length)
      }),
    )
  })

  it.each(['permission:requested', 'permission:resolved', 'permission:denied', 'output', 'complete'])(
    'a view takes an event %s whose data is null',
    (type) => {
      for (const kind of runKinds)
        expect(applyEvents(newView(kind), [{ seq: 1, type, data: null }]).head).toBe(1)
    },
  )

  it('a view holds the newest items up to its bound', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(700), (linesMax, count) => {
        const events = Array.from({ length: count }, (_, index) => ({
          seq: index + 1,
          type: 'output',
          data: { line: `${index}`, timestamp: 0, stream: 'stdout' },
        }))
        const { lines } = applyEvents(newView('job', { linesMax }), events)
        expect([...itemsOf(lines)].map(({ seq }) => seq)).toEqual(
          events.map(({ seq }) => seq).slice(-linesMax),
        )
        expect(lines.dropped).toBe(Math.max(0, count - linesMax))
      }),
      { numRuns: 40 },
    )
  })

  it('a view holds all of a long job on request, and no more than its bound otherwise', () => {
    function* longJob(): Generator<ViewEvent> {
      const data = { line: 'x', timestamp: 0, stream: 'stdout' }
      for (let seq = 1; seq <= 150_000; seq++) yield { seq, type: 'output', data }
    }
    expect(
      lengthOf(applyEvents(newView('job', { linesMax: Number.POSITIVE_INFINITY }), longJob()).lines),
    ).toBe(150_000)
    const { lines } = applyEvents(newView('job'), longJob())
    expect(lengthOf(lines)).toBe(10_000)
    expect(lines.full.length).toBeLessThan(90)
  })

  it('a text is cut at its bound between characters, and the rest is counted', () => {
    const say = (seq: number, text: string) => ({ seq, type: 'text:delta', data: { messageId: 'm', text } })
    const view = applyEvents(newView('execution', { textCharsMax: 5 }), [
      say(1, 'abcd'),
      say(2, '😀e'),
      say(3, 'f'),
    ])
    expect([...itemsOf(view.items)]).toMatchObject([{ text: 'abcd', cutChars: 4 }])
  })
})

describe('the view of a job', () => {
  it('the lines of a terminal are what it shows: a line grows, and a carriage return begins it anew', () => {
    const terminal = { columns: 80, rows: 24 }
    const texts = ['10 %', '\r50 %', '\r\x1b[1m100 %\r\n', 'two\r\n', 'thr', 'ee']
    const view = applyEvents(
      newView('job'),
      texts.map((line, index) => ({
        seq: index + 2,
        at: 1,
        type: 'output',
        data: { line, timestamp: 1, stream: 'stdout', terminal },
      })),
    )
    expect([...itemsOf(view.lines)].map(({ seq, text }) => [seq, text])).toEqual([
      [2, '\x1b[1m100 %'],
      [5, 'two'],
      [6, 'three'],
    ])
  })

  it('the view of a job has its lines and its outcome', () => {
    const view = applyEvents(newView('job'), [
      { seq: 1, type: 'run:queued', data: {} },
      { seq: 2, type: 'run:started', data: {} },
      { seq: 3, type: 'output', data: { line: 'no', timestamp: 0, stream: 'stderr', truncated: ['line'] } },
      { seq: 4, type: 'error', data: { message: 'The server was stopped', state: 'interrupted' } },
    ])
    expect(view).toMatchObject({
      state: 'interrupted',
      error: 'The server was stopped',
      response: null,
      head: 4,
    })
    expect([...itemsOf(view.lines)]).toEqual([{ seq: 3, text: 'no', stream: 'stderr', isCut: true }])
  })
})
