import { applyEvents, newView } from '@millrace/protocol/view'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LoggedEvent } from '#run/log/blocks.ts'
import { History } from '#run/timeline/history.ts'

const said = fc.oneof(
  fc.record({
    type: fc.constant('text:delta'),
    data: fc.record({ messageId: fc.constantFrom('a', 'b'), text: fc.string() }),
  }),
  fc.record({
    type: fc.constantFrom('tool:start', 'tool:complete'),
    data: fc.record({ toolCallId: fc.constantFrom('x', 'y', 'z'), toolName: fc.constant('shell') }),
  }),
  fc.record({ type: fc.constant('phase:start'), data: fc.record({ phaseId: fc.constantFrom('p', 'q') }) }),
)
const logOf = (events: readonly { type: string; data: unknown }[], firstSeq = 1): LoggedEvent[] =>
  events.map((event, index) => ({ seq: firstSeq + index, at: null, ...event }))
const historyOf = (log: readonly LoggedEvent[], firstSeq = 1) =>
  new History({ event: (seq) => log[seq - firstSeq] }, 'execution', firstSeq)

function reach(history: History, seq: number) {
  let view = history.at(seq)
  for (let step = 0; step < 100 && view.head < seq; step++) view = history.at(seq)
  return view
}

describe('History', () => {
  it('the run at an event is the reduction of the events up to it, whatever was looked at before', () => {
    const logs = fc.array(said, { minLength: 1, maxLength: 400 }).map((events) => logOf(events))
    fc.assert(
      fc.property(logs, fc.array(fc.nat(399), { minLength: 1, maxLength: 8 }), (log, places) => {
        const history = historyOf(log)
        for (const place of places) {
          const seq = (place % log.length) + 1
          expect(reach(history, seq)).toEqual(applyEvents(newView('execution'), log.slice(0, seq)))
        }
      }),
      { numRuns: 60 },
    )
  })

  it('one step reduces a bounded number of events, and the next one continues', () => {
    const log = logOf(Array(2500).fill({ type: 'text:delta', data: { messageId: 'a', text: 'x' } }))
    const history = historyOf(log)
    expect([1, 2, 3].map(() => history.at(2500).head)).toEqual([1000, 2000, 2500])
    expect(history.at(1234).head).toBe(1234)
  })

  it('where events are missing the view is as near as it gets', () => {
    const log = logOf(Array(50).fill({ type: 'text:delta', data: { messageId: 'a', text: 'x' } }))
    const history = historyOf(log.slice(0, 30))
    expect(history.at(50).head).toBe(30)
  })

  it('a log whose beginning was pruned is reduced from its first kept event', () => {
    const log = logOf([{ type: 'text:delta', data: { messageId: 'a', text: 'x' } }], 40)
    expect(historyOf(log, 40).at(40).head).toBe(40)
  })

  it('a long run is kept as a bounded number of views, and moments are noted once', () => {
    const call = { type: 'tool:start', data: { toolCallId: 'x', toolName: 'shell' } }
    const delta = { type: 'text:delta', data: { messageId: 'a', text: 'x' } }
    const log = logOf(Array.from({ length: 60_000 }, (_, index) => (index % 20_000 === 5 ? call : delta)))
    const history = historyOf(log)
    for (let step = 0; step < 60; step++) history.at(60_000)
    history.at(10)
    expect(history.moments.map(({ seq }) => seq)).toEqual([6, 20_006, 40_006])
    expect(history.at(59_999).head).toBe(59_999)
  })
})
