import { applyEvents, newView } from '@millrace/protocol/view'
import { expectInnermostFirst, expectStory } from '@millrace/test-support/story'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AgentMove } from '#agents/moves'
import { closing } from '#runners/execution/closing'
import { Story } from '#runners/execution/story'
import type { EmittedEvent } from '#runners/runner'
import { moves } from './support/moves.ts'

/** A story whose clock advances by a millisecond whenever it is read. */
function newStory(task = 'Mend it') {
  let at = 1000
  return new Story({ task, now: () => at++ })
}

function told(given: AgentMove[], completed = true): EmittedEvent[] {
  const story = newStory()
  return [...story.begin(), ...story.take(given), ...story.end({ completed })]
}

const lines = (events: readonly EmittedEvent[]) =>
  events.map(({ type, data: given }) => {
    const data = given as Record<string, unknown>
    const facts = [data.phaseId, data.toolCallId, data.status, data.thought, data.text, data.parentToolCallId]
    return [type, ...facts.filter((fact) => fact !== undefined)].join(' ')
  })

const phases = (...statuses: ('pending' | 'active' | 'complete' | 'incomplete')[]) =>
  statuses.map((status, index) => ({ id: `p${index + 1}`, name: `Phase ${index + 1}`, status }))
const plan = (...statuses: Parameters<typeof phases>): AgentMove => ({
  move: 'plan',
  goal: 'Green',
  phases: phases(...statuses),
})
const call = (toolCallId: string, parentToolCallId?: string): AgentMove => ({
  move: 'tool-start',
  toolCallId,
  toolName: 'shell',
  params: { command: 'true' },
  ...(parentToolCallId === undefined ? {} : { parentToolCallId }),
})
const done = (toolCallId: string): AgentMove => ({
  move: 'tool-complete',
  toolCallId,
  status: 'ok',
  result: 'ok',
})

describe('the invariants of every story', () => {
  it('hold for any moves, in any pieces, and any end', () => {
    fc.assert(
      fc.property(moves, fc.nat(8), fc.boolean(), (given, pieces, completed) => {
        const story = newStory()
        const size = Math.max(1, Math.ceil(given.length / (pieces + 1)))
        const events: EmittedEvent[] = []
        for (let at = 0; at < given.length; at += size) events.push(...story.take(given.slice(at, at + size)))
        expectStory(events, { isOver: false })
        const closed = story.end({ completed })
        expectInnermostFirst(closed)
        events.push(...closed)
        expectStory(events)
        expect([...story.take(given), ...story.begin(), ...story.end({ completed })]).toEqual([])
        // A note that would pass for another event is not told.
        expect(events.filter(({ type }) => type === 'execution:complete' || type === 'run:started')).toEqual(
          [],
        )
      }),
      { numRuns: 500 },
    )
  })

  it('hold for a log that breaks off anywhere and is closed from what it holds', async () => {
    await fc.assert(
      fc.asyncProperty(moves, fc.nat(120), async (given, kept) => {
        const log = told(given, false).slice(0, kept)
        const past = (async function* () {
          for (const event of log) yield { ...event, at: 1 }
        })()
        const closed = await closing(past, 2)
        expectInnermostFirst(closed)
        expectStory([...log, ...closed])
      }),
      { numRuns: 200 },
    )
  })

  it('hold in the view: after the end nothing is open, and each call is where its story put it', () => {
    fc.assert(
      fc.property(moves, (given) => {
        const events = [
          ...told(given, false),
          { type: 'execution:error', data: { error: 'x', code: 'budget' } },
        ]
        const view = applyEvents(
          newView('execution'),
          events.map((event, index) => ({ seq: index + 1, at: index, ...event })),
        )
        expect(view.phaseId).toBeNull()
        expect(view.phases.filter(({ status }) => status === 'active')).toEqual([])
      }),
      { numRuns: 200 },
    )
  })
})

describe('a plan', () => {
  it('a plan is created once, and its phases begin and end as their states say', () => {
    const events = told([
      plan('active', 'pending'),
      call('a'),
      done('a'),
      plan('complete', 'active'),
      plan('complete', 'complete'),
    ])
    expect(lines(events)).toEqual([
      'execution:started',
      'plan:created',
      'phase:start p1',
      'tool:start p1 a',
      'tool:complete p1 a ok',
      'phase:complete p1',
      'phase:start p2',
      'phase:complete p2',
    ])
  })

  it('a changed plan is reported whole, and a phase that it drops is incomplete', () => {
    const events = told([
      plan('active', 'pending'),
      { move: 'plan', goal: 'Green', phases: [{ id: 'new', name: 'Other', status: 'active' }] },
    ])
    expect(lines(events).slice(2)).toEqual([
      'phase:start p1',
      'plan:updated',
      'phase:complete p1 incomplete',
      'phase:start new',
      'phase:complete new',
    ])
  })

  it('an agent that advances by hand completes the phase at work first; phases it has not planned do not begin', () => {
    const events = told([
      plan('pending', 'pending'),
      { move: 'phase-start', phaseId: 'p1' },
      { move: 'phase-start', phaseId: 'nowhere' },
      { move: 'phase-start', phaseId: 'p2' },
      { move: 'phase-complete', phaseId: 'p1' },
    ])
    expect(lines(events).slice(2)).toEqual([
      'phase:start p1',
      'phase:complete p1',
      'phase:start p2',
      'phase:complete p2',
    ])
    expect(events.filter(({ type }) => type === 'phase:start').map(({ data }) => data)).toEqual([
      { phaseId: 'p1', phaseName: 'Phase 1', phaseIndex: 0 },
      { phaseId: 'p2', phaseName: 'Phase 2', phaseIndex: 1 },
    ])
  })

  it('of two phases that a plan calls active, the one at work stays', () => {
    const events = told([plan('active', 'pending'), plan('active', 'active')])
    expect(lines(events).slice(2)).toEqual(['phase:start p1', 'phase:complete p1'])
  })
})

describe('an agent without a plan', () => {
  it('its first call begins one phase, which holds everything from there on', () => {
    const events = told([
      { move: 'thought', thought: 'hm' },
      call('a'),
      done('a'),
      { move: 'text', messageId: 'm', text: 'ok' },
    ])
    expect(lines(events)).toEqual([
      'execution:started',
      'thinking hm',
      'phase:start work',
      'tool:start work a',
      'tool:complete work a ok',
      'text:delta work ok',
      'phase:complete work',
    ])
  })

  it('an agent that only speaks has one phase, too', () => {
    expect(lines(told([{ move: 'text', messageId: 'm', text: '42' }])).slice(-2)).toEqual([
      'phase:start work',
      'phase:complete work',
    ])
  })

  it('an agent that plans after its first call completes the phase that was made up', () => {
    expect(lines(told([call('a'), plan('active')])).slice(1)).toEqual([
      'phase:start work',
      'tool:start work a',
      'plan:created',
      'phase:complete work',
      'phase:start p1',
      'tool:complete work a cancelled',
      'phase:complete p1',
    ])
  })
})

describe('the end of a story', () => {
  it('open calls are cancelled, innermost first, and the phase at work is incomplete', () => {
    const events = told([plan('active'), call('outer'), call('inner', 'outer'), call('other')], false)
    expect(lines(events).slice(-4)).toEqual([
      'tool:complete p1 other cancelled',
      'tool:complete p1 inner cancelled outer',
      'tool:complete p1 outer cancelled',
      'phase:complete p1 incomplete',
    ])
  })

  it('an execution that ended before its agent began tells nothing', () => {
    expect(newStory().end({ completed: false })).toEqual([])
  })

  it('durations are measured in whole milliseconds, also while the clock of the machine is set', () => {
    let [at, elapsed] = [5000, 70]
    const story = new Story({ task: 't', now: () => at, elapsed: () => elapsed })
    const [started] = story.take([call('a')])
    expect(started?.data).toMatchObject({ startedAt: 5000 })
    at += 3_600_000
    elapsed += 24.6
    const [complete] = story.take([done('a')])
    expect(complete?.data).toMatchObject({ duration: 25 })
    expect(story.duration).toBe(25)
  })

  it('the tokens are the sum of the last totals, and durations never go back with the clock', () => {
    let at = 5000
    const story = new Story({ task: 't', now: () => at })
    expect(story.tokensUsed).toBeNull()
    story.take([call('a'), { move: 'usage', tokens: { inputTokens: 1 }, costUsd: null }])
    story.take([{ move: 'usage', tokens: { inputTokens: 40, outputTokens: 2 }, costUsd: null }])
    at = 1000
    const [complete] = story.take([done('a')])
    expect(complete?.data).toMatchObject({ duration: 0 })
    expect([story.tokensUsed, story.duration]).toEqual([42, 0])
  })
})
