/** The recorded messages of the SDK, translated. */
import { type FileChange, subagentResultType } from '@millrace/protocol'
import { expectStory } from '@millrace/test-support/story'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { planTool } from '#agents/claude/execution/plan'
import { Translator } from '#agents/claude/translate/translator'
import type { AgentMove } from '#agents/moves'
import { Story } from '#runners/execution/story'
import type { EmittedEvent } from '#runners/runner'
import { recordingOf } from './recordings.ts'
import { type ScenarioName, scenarios } from './scenarios.ts'

const names = Object.keys(scenarios) as ScenarioName[]

function translated(name: ScenarioName): AgentMove[] {
  const translator = new Translator(planTool)
  return recordingOf(name).flatMap((message) => {
    if (message.type === 'permission:denied') translator.denied(String(message.toolUseId))
    if (message.type === subagentResultType) translator.patched(String(message.toolUseId), message.result)
    return translator.take(message)
  })
}

/** Moves without usage, one line each. */
function story(name: ScenarioName): string[] {
  const short = (id: string) => id.replace(/^toolu_/, '')
  return translated(name).flatMap((move): string[] => {
    const under = 'parentToolCallId' in move ? ` < ${short(String(move.parentToolCallId))}` : ''
    switch (move.move) {
      case 'usage':
        return []
      case 'step':
        return ['step']
      case 'plan':
        return [`plan ${move.phases.map(({ id, name, status }) => `${id} ${name} ${status}`).join(', ')}`]
      case 'thought':
        return [`thought ${move.thought}${under}`]
      case 'text':
        return [`text ${move.text}${under}`]
      case 'tool-start':
        return [`start ${short(move.toolCallId)} ${move.toolName}${under}`]
      case 'tool-complete':
        return [`${move.status} ${short(move.toolCallId)} ${JSON.stringify(move.result).slice(0, 60)}`]
      case 'note':
        return [`${move.type} ${JSON.stringify(move.data)}`]
      default:
        return [move.move]
    }
  })
}

describe('what the SDK was recorded saying', () => {
  it('the deltas of a text are one message, and the whole text adds nothing', () => {
    expect(story('plain')).toEqual(['step', 'text Hello', 'text  there'])
    const texts = translated('plain').flatMap((move) => (move.move === 'text' ? [move.messageId] : []))
    expect(new Set(texts).size).toBe(1)
  })

  it('a plan is a move, its phases keep their ids, and its calls are no tools', () => {
    expect(story('plan').filter((line) => line !== 'step')).toEqual([
      'thought Two phases.',
      'text I plan first.',
      'plan phase-1 Look active, phase-2 Write pending',
      expect.stringMatching(/^start \d+ Bash$/),
      expect.stringMatching(/^ok \d+ "\(Bash completed with no output\)"$/),
      'plan phase-1 Look complete, phase-2 Write active',
      expect.stringMatching(/^start \d+ Write$/),
      expect.stringMatching(/^ok \d+ /),
      expect.stringMatching(/^start \d+ Edit$/),
      expect.stringMatching(/^ok \d+ /),
      'plan phase-1 Look complete, phase-2 Write complete',
      'text It is there.',
    ])
  })

  it('a plan of the wrong form is neither a plan nor a tool', () => {
    expect(story('a plan of the wrong form')).toEqual(['step', 'step', 'text So be it.'])
  })

  it('parallel calls complete in the order of their results', () => {
    const [one, two] = story('parallel tools').flatMap((line) => /^start (\d+)/.exec(line)?.[1] ?? [])
    expect(story('parallel tools')).toEqual([
      'step',
      `start ${one} Bash`,
      `start ${two} Bash`,
      expect.stringMatching(/^ok/),
      expect.stringMatching(/^ok/),
      'step',
      'text Both are done.',
    ])
  })

  it('what a subagent thinks, says and does is nested in its call, whose result is its report', () => {
    const lines = story('subagent')
    const [agent, bash] = lines.flatMap((line) => /^start (\d+)/.exec(line)?.[1] ?? [])
    expect(lines).toEqual([
      'step',
      `start ${agent} Agent`,
      `thought I count. < ${agent}`,
      `text I look. < ${agent}`,
      `start ${bash} Bash < ${agent}`,
      `ok ${bash} "0"`,
      `text There are none. < ${agent}`,
      `ok ${agent} "There are none."`,
      'step',
      'text No files.',
    ])
  })

  it('a call that changed files has them with a diff each, also where a subagent or the shell did it', () => {
    const files = (name: ScenarioName) =>
      translated(name).flatMap((move) =>
        move.move === 'tool-complete' ? ((move.result as { files?: FileChange[] }).files ?? []) : [],
      )
    const lines = (name: ScenarioName) =>
      files(name).map(({ path, status, diff }) => [path, status, ...diff.split('\n')].join(' '))
    expect(lines('plan')).toEqual([
      'greeting.txt added @@ -0,0 +1 @@ +Hello',
      'greeting.txt modified @@ -1 +1 @@ -Hello +Good day',
    ])
    expect(lines('changes of a subagent')).toEqual([
      'sub.txt added @@ -0,0 +1,2 @@ +a +b',
      'sub.txt modified @@ -1,2 +1,2 @@  a -b +B',
      'sub.txt modified @@ -1,2 +1,3 @@  a  B +c',
    ])
    expect(lines('changes by the shell')).toEqual([
      'new.txt added @@ -0,0 +1 @@ +new',
      'tracked.txt modified @@ -1,3 +1,3 @@  one -two +2  three',
      'tracked.txt deleted @@ -1,3 +1,0 @@ -one -2 -three',
      'new.txt deleted @@ -1 +1,0 @@ -new',
      'moved.txt added @@ -0,0 +1 @@ +new',
    ])
  })

  it('the status of a call tells a denial, a failure and an interrupt apart', () => {
    const statuses = (name: ScenarioName) =>
      translated(name).flatMap((move) => (move.move === 'tool-complete' ? [move.status] : []))
    expect(statuses('a denial of the policy')).toEqual(['denied'])
    expect(statuses('a denial of a person')).toEqual(['denied'])
    expect(statuses('a tool that fails')).toEqual(['error', 'error', 'error'])
    expect(statuses('an interrupt while a tool runs')).toEqual(['cancelled'])
  })

  it('an answer whose stream breaks is said again in full, as another message', () => {
    expect(story('a stream that breaks')).toEqual([
      'step',
      'text ha',
      'text lf',
      'step',
      'text The whole answer.',
    ])
    const ids = translated('a stream that breaks').flatMap((move) =>
      move.move === 'text' ? [move.messageId] : [],
    )
    expect(new Set(ids).size).toBe(2)
  })

  it('an interrupted answer is what was said of it', () => {
    expect(story('an interrupt while the model writes')).toEqual(['step', 'text A long'])
  })

  it('retries and compactions are notes', () => {
    const retry = { attemptsMax: 10, delayMs: 1, status: 529, error: 'overloaded' }
    expect(story('an overloaded model').slice(0, 2)).toEqual(
      [1, 2].map((attempt) => `model:retry ${JSON.stringify({ attempt, ...retry })}`),
    )
    expect(story('compaction').filter((line) => line.startsWith('context'))).toEqual([
      expect.stringMatching(/^context:compacted {"trigger":"manual","tokensBefore":\d+,"tokensAfter":\d+}$/),
    ])
  })

  it('what the SDK says in the name of the model is no text', () => {
    for (const name of ['an error of the API', 'a prompt that is too long', 'a refusal'] as const) {
      expect(story(name).join(), name).not.toMatch(/API Error|too long/)
    }
  })

  it('the usage grows, and ends as the totals of the result, with a cost where a price is known', () => {
    for (const name of names) {
      const usages = translated(name).flatMap((move) => (move.move === 'usage' ? [move] : []))
      let before = 0
      for (const { tokens } of usages) {
        const total = Object.values(tokens).reduce((sum, count) => sum + count, 0)
        expect(total, name).toBeGreaterThanOrEqual(before)
        before = total
      }
    }
    const last = translated('subagent').findLast((move) => move.move === 'usage')
    expect(last).toEqual({
      move: 'usage',
      tokens: { inputTokens: 250, outputTokens: 45, cacheReadTokens: 7, cacheCreationTokens: 0 },
      costUsd: expect.closeTo(0.0019, 4),
    })
    const priced = recordingOf('plain').at(-1) as unknown as {
      modelUsage: Record<string, Record<string, unknown>>
    }
    for (const model of Object.values(priced.modelUsage)) model.costBasis = 'unknown'
    expect(new Translator(planTool).take(priced)).toMatchObject([{ move: 'usage', costUsd: null }])
    // The demo's execution cost 0.
    const free = { ...recordingOf('plain').at(-1), total_cost_usd: 0 } as unknown as typeof priced
    expect(new Translator(planTool).take(free)).toMatchObject([{ move: 'usage', costUsd: null }])
  })

  it('the reason of the model to stop is known at the end', () => {
    const reasons = names.map((name) => {
      const translator = new Translator(planTool)
      for (const message of recordingOf(name)) translator.take(message)
      return [name, translator.stopReason]
    })
    expect(Object.fromEntries(reasons)).toMatchObject({
      plain: 'end_turn',
      'a refusal': 'refusal',
      'an answer that is too long': 'max_tokens',
      'an answer that fills the context': 'model_context_window_exceeded',
    })
  })
})

describe('a plan', () => {
  const read = (input: unknown) =>
    new Translator(planTool).take({
      type: 'assistant',
      uuid: 'u',
      message: { id: 'm', content: [{ type: 'tool_use', id: 't', name: planTool, input }] },
    })
  const phasesOf = (...phases: [string, string][]) =>
    read({ goal: 'G', phases: phases.map(([name, status]) => ({ name, status })) }).flatMap((move) =>
      move.move === 'plan' ? [move.phases.map(({ id, status }) => `${id} ${status}`)] : [],
    )

  it('one phase of a plan is at work: the first that says so, else the first that is left', () => {
    expect(phasesOf(['A', 'active'], ['B', 'active'])).toEqual([['phase-1 active', 'phase-2 pending']])
    expect(phasesOf(['A', 'complete'], ['B', 'pending'])).toEqual([['phase-1 complete', 'phase-2 active']])
    expect(phasesOf(['A', 'complete'], ['A', 'of tomorrow'])).toEqual([
      ['phase-1 complete', 'phase-2 active'],
    ])
    expect(phasesOf(['A', 'complete'])).toEqual([['phase-1 complete']])
  })

  it('what is no plan is ignored', () => {
    const some = [{ name: 'A', status: 'active' }]
    const inputs = [
      null,
      7,
      [],
      {},
      { goal: 'G' },
      { goal: 'G', phases: [] },
      { goal: 'G', phases: [null, { name: ' ' }] },
    ]
    for (const input of inputs) expect(read(input), JSON.stringify(input)).toEqual([{ move: 'step' }])
    expect(read({ phases: some })).toMatchObject([{ move: 'step' }, { move: 'plan', goal: '' }])
    expect(read({ goal: 'G', phases: Array(101).fill(some[0]) })).toEqual([{ move: 'step' }])
  })
})

describe('a translator', () => {
  it('a translator takes anything without throwing, and makes moves only of what it knows', () => {
    const anything = fc.anything({ maxDepth: 5 })
    const types = fc.constantFrom(
      'assistant',
      'user',
      'system',
      'stream_event',
      'result',
      'tool_progress',
      'x',
    )
    const message = fc.record({ type: types, message: anything, event: anything, subtype: fc.string() })
    fc.assert(
      fc.property(fc.array(fc.oneof(anything, message), { maxLength: 20 }), (messages) => {
        const translator = new Translator(planTool)
        for (const one of messages) expect(Array.isArray(translator.take(one))).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  it('any beginning of what was recorded, in any pieces, makes a story that holds', () => {
    const cut = fc.record({
      name: fc.constantFrom(...names),
      kept: fc.nat(150),
      pieces: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 40 }),
      completed: fc.boolean(),
    })
    fc.assert(
      fc.property(cut, ({ name, kept, pieces, completed }) => {
        let at = 0
        const story = new Story({ task: 'Go', now: () => at++ })
        const translator = new Translator(planTool)
        const moves = recordingOf(name)
          .slice(0, kept)
          .flatMap((message) => translator.take(message))
        const events: EmittedEvent[] = []
        for (const size of [...pieces, moves.length + 1]) events.push(...story.take(moves.splice(0, size)))
        events.push(...story.end({ completed }))
        expectStory(events)
      }),
      { numRuns: 500 },
    )
  })
})
