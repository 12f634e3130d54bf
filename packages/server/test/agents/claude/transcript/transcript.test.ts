import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { entriesOf } from '#agents/claude/transcript/mirror'
import { restore } from '#agents/claude/transcript/restore'
import type { TranscriptEntry } from '#runners/runner'

const id = '4f1c2a7e-0000-4000-8000-000000000000'
const entry = (value: unknown, subpath = '', conversation = id): TranscriptEntry => ({
  conversation,
  subpath,
  json: typeof value === 'string' ? value : JSON.stringify(value),
})

function contentOf(entries: TranscriptEntry[]): unknown[] {
  const files = [...(restore(entries, '/srv/a b')?.homeFiles ?? [])]
  return files.flatMap(([, content]) =>
    content
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line)),
  )
}

describe('what a process mirrors of its transcript', () => {
  it('the file name of a mirrored entry says whether it is of the conversation or of a subagent', () => {
    const entries = [{ type: 'user' }]
    const place = '/home/run/.claude/projects/-srv-a-b'
    expect(entriesOf({ filePath: `${place}/${id}.jsonl`, entries })).toEqual([entry({ type: 'user' })])
    expect(entriesOf({ filePath: `${place}/${id}/subagents/agent-1.jsonl`, entries })).toEqual([
      entry({ type: 'user' }, 'subagents/agent-1'),
    ])
    for (const filePath of ['/etc/passwd', `${place}.jsonl`, '/projects/x/.jsonl', `${place}/a b.jsonl`]) {
      expect(entriesOf({ filePath, entries })).toEqual([])
    }
  })
})

describe('what a later session finds', () => {
  it('a restored conversation is one file where the SDK looks for it', () => {
    const restored = restore([entry({ type: 'user', uuid: 'a' })], '/srv/a b')
    expect(restored?.id).toBe(id)
    expect([...(restored?.homeFiles ?? [])]).toEqual([
      [`.claude/projects/-srv-a-b/${id}.jsonl`, '{"type":"user","uuid":"a"}\n'],
    ])
  })

  it('a restored conversation has each entry once, in order, whatever was stored twice or is damaged', () => {
    const some = fc.array(
      fc.record({ type: fc.constantFrom('user', 'assistant', 'mode'), uuid: fc.uuid() }),
      {
        minLength: 1,
      },
    )
    fc.assert(
      fc.property(some, fc.nat(), (written, at) => {
        const said = [{ type: 'user', uuid: 'first' }, ...written]
        const twice = [...said.slice(0, at % said.length), ...said]
        const stored = twice.flatMap((one) => [
          entry(one),
          entry('{"damaged'),
          entry({ type: 'x' }, 'subagents/a'),
        ])
        const unique = said.filter((one, index) => said.findIndex(({ uuid }) => uuid === one.uuid) === index)
        expect(contentOf(stored)).toEqual(unique)
      }),
    )
  })

  it('a restored conversation leaves out earlier costs: a run counts its own', () => {
    expect(contentOf([entry({ type: 'user' }), entry({ type: 'cost-state', totalCostUSD: 5 })])).toEqual([
      { type: 'user' },
    ])
  })

  describe('calls that were put off', () => {
    const putOff = (call: string, uuid: string, parentUuid: string) => ({
      type: 'attachment',
      uuid,
      parentUuid,
      attachment: { type: 'hook_deferred_tool', toolUseID: call, toolName: 'Write' },
    })
    const asked = { type: 'assistant', uuid: 'a', parentUuid: null }
    const resultOf = (call: string, parentUuid: string) => ({
      type: 'user',
      uuid: `result of ${call}`,
      parentUuid,
      message: { content: [{ type: 'tool_result', tool_use_id: call }] },
    })
    const stored = (...values: unknown[]) => values.map((value) => entry(value))

    it('a run that was not woken finds no call that was put off and has no result, and entries stay linked', () => {
      const late = { type: 'system', uuid: 'l', parentUuid: 'p2' }
      const entries = stored(asked, putOff('one', 'p', 'a'), putOff('one', 'p2', 'p'), late)
      expect(contentOf(entries)).toEqual([asked, { ...late, parentUuid: 'a' }])
      expect(restore(entries, '/work')?.putOffTool).toBeNull()
    })

    it('a call that was put off and has its result stays in the conversation', () => {
      const values = [asked, putOff('one', 'p', 'a'), resultOf('one', 'p')]
      expect(contentOf(stored(...values))).toEqual(values)
      expect(restore(stored(...values), '/work', { isWoken: true })?.putOffTool).toBeNull()
    })

    it('a run that is woken finds only the call that was put off last', () => {
      const entries = stored(asked, putOff('one', 'p', 'a'), asked, putOff('two', 'p2', 'a'))
      const restored = restore(entries, '/work', { isWoken: true })
      expect(restored?.putOffTool).toBe('Write')
      const content = [...(restored?.homeFiles.values() ?? [])].join('')
      expect(content).toContain('"two"')
      expect(content).not.toContain('"one"')
    })

    it('an entry that only looks like a call that was put off changes nothing', () => {
      const values = [
        { type: 'user', message: null, attachment: { type: 'hook_deferred_tool' } },
        { type: 'attachment', attachment: null },
        { type: 'user', message: { content: [null, { type: 'tool_result' }] } },
      ]
      expect(contentOf(stored(...values))).toEqual(values)
    })
  })

  it('nothing is restored when nothing was said', () => {
    expect(restore([], '/work')).toBeNull()
    expect(restore([entry({ type: 'queue-operation' })], '/work')).toBeNull()
    expect(restore([entry({ type: 'user' }, 'subagents/agent-1')], '/work')).toBeNull()
  })

  it('after a cleared conversation the newest one is restored', () => {
    const other = '5f1c2a7e-0000-4000-8000-000000000000'
    const restored = restore([entry({ type: 'user' }), entry({ type: 'user' }, '', other)], '/work')
    expect(restored?.id).toBe(other)
  })
})
