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
