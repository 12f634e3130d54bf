import { ManualClock } from '@millrace/test-support/manual-clock'
import { describe, expect, it } from 'vitest'
import { Keeping } from '#agents/claude/execution/keeping'
import type { AgentMove } from '#agents/moves'
import type { TranscriptEntry } from '#runners/runner'

function open() {
  const done: string[] = []
  const clock = new ManualClock()
  const keeping = new Keeping(
    {
      report: async (moves) => void done.push(...moves.map(named)),
      appendTranscript: async (entries) => void done.push(`kept ${entries.length}`),
    },
    clock,
  )
  return { done, clock, keeping }
}

function named(move: AgentMove): string {
  if (move.move === 'tool-complete') return `end ${move.toolCallId}`
  if (move.move === 'tool-start') return `start ${move.toolCallId}`
  return move.move === 'text' ? move.text : move.move
}

const end = (toolCallId: string): AgentMove => ({
  move: 'tool-complete',
  toolCallId,
  status: 'ok',
  result: '',
})
const start = (toolCallId: string): AgentMove => ({
  move: 'tool-start',
  toolCallId,
  toolName: 'Bash',
  params: {},
})
const text = (said: string): AgentMove => ({ move: 'text', messageId: 'm', text: said })
const entry = (...content: object[]): TranscriptEntry => ({
  conversation: 'c',
  subpath: '',
  json: JSON.stringify({ type: 'user', message: { content } }),
})
const result = (id: string) => entry({ type: 'tool_result', tool_use_id: id, content: 'ok' })
const call = (id: string) => entry({ type: 'tool_use', id, name: 'Bash', input: {} })

describe('an execution and its conversation', () => {
  it('the end of a call is reported right after the conversation has its result, and what follows after it', () => {
    const { done, keeping } = open()
    void keeping.report([text('one')])
    void keeping.report([end('a')])
    void keeping.report([text('two')])
    void keeping.report([end('b'), text('three')])
    expect(done).toEqual(['one'])
    void keeping.appendTranscript([result('a')])
    expect(done).toEqual(['one', 'kept 1', 'end a', 'two'])
    void keeping.appendTranscript([result('b'), entry({ type: 'text', text: '"tool_' })])
    void keeping.report([end('b')])
    expect(done.slice(4)).toEqual(['kept 2', 'end b', 'three', 'end b'])
  })

  // Failed before: a denial was emitted at once, before the start of its call.
  it('the denial of a call is emitted right after its start, wherever that waits, and before its end', () => {
    const { done, keeping } = open()
    const deny = (id: string) => keeping.afterStart(id, async () => void done.push(`denied ${id}`))
    void deny('a')
    void keeping.report([start('a')])
    void keeping.report([end('a')])
    void keeping.report([start('b')])
    void deny('b')
    void keeping.report([end('b')])
    expect(done).toEqual(['start a', 'denied a'])
    void keeping.appendTranscript([result('a'), result('b')])
    expect(done.slice(2)).toEqual(['kept 2', 'end a', 'start b', 'denied b', 'end b'])
    void keeping.report([start('c')])
    void deny('c')
    expect(done.slice(-2)).toEqual(['start c', 'denied c'])
  })

  it('the denial of a call that never starts is emitted after two seconds, and at the end at once', async () => {
    const { done, clock, keeping } = open()
    void keeping.afterStart('a', async () => void done.push('denied a'))
    await clock.advance(2000)
    expect(done).toEqual(['denied a'])
    void keeping.afterStart('b', async () => void done.push('denied b'))
    keeping.settle()
    await clock.advance(2000)
    expect(done).toEqual(['denied a', 'denied b'])
  })

  it('what waits is reported after two seconds at the latest, and at the end at once', () => {
    const { done, clock, keeping } = open()
    void keeping.report([end('a')])
    clock.advance(1999)
    expect(done).toEqual([])
    clock.advance(1)
    expect(done).toEqual(['end a'])
    void keeping.report([end('b')])
    keeping.settle()
    expect(done).toEqual(['end a', 'end b'])
    expect(clock.pending).toBe(0)
  })

  it('what was reported later waits its own two seconds for its result', () => {
    const { done, clock, keeping } = open()
    void keeping.report([end('a')])
    clock.advance(1900)
    void keeping.report([end('b'), text('after b')])
    clock.advance(100)
    expect(done).toEqual(['end a'])
    void keeping.appendTranscript([result('b')])
    expect(done).toEqual(['end a', 'kept 1', 'end b', 'after b'])
    void keeping.report([end('c')])
    clock.advance(1999)
    expect(done).toHaveLength(4)
    clock.advance(1)
    expect(done.at(-1)).toBe('end c')
    expect(clock.pending).toBe(0)
  })

  it('what waits behind an end that is late is reported with it if it waits for nothing itself', () => {
    const { done, clock, keeping } = open()
    void keeping.report([end('a')])
    void keeping.report([end('b')])
    void keeping.appendTranscript([result('b')])
    void keeping.report([text('said')])
    expect(done).toEqual(['kept 1'])
    clock.advance(2000)
    expect(done).toEqual(['kept 1', 'end a', 'end b', 'said'])
    expect(clock.pending).toBe(0)
  })

  it('a call may run once the conversation has it and its start is reported, or after two seconds', async () => {
    const { clock, keeping } = open()
    const may: string[] = []
    const running = ['a', 'b'].map((id) => keeping.kept(id).then(() => may.push(id)))
    void keeping.appendTranscript([call('a')])
    await new Promise((resolve) => setImmediate(resolve))
    expect(may).toEqual([])
    void keeping.report([start('a')])
    await running[0]
    expect(may).toEqual(['a'])
    clock.advance(2000)
    await running[1]
    expect(may).toEqual(['a', 'b'])
    await keeping.kept('a')
  })
})
