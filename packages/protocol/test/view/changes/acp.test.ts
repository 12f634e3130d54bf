import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyToChanges, changesResponse, newChanges, type ViewEvent } from '#view/index'

type Said = [type: string, data: object]

const numbered = (said: readonly Said[]): ViewEvent[] =>
  said.map(([type, data], index) => ({ seq: index + 1, type: `acp:${type}`, data }))
const changesIn = (...said: Said[]) =>
  changesResponse(numbered(said).reduce(applyToChanges, newChanges('session')))
const call = (data: object): Said => ['tool_call', { toolCallId: 'c1', ...data }]
const update = (data: object): Said => ['tool_call_update', { toolCallId: 'c1', ...data }]

describe('what an agent that speaks ACP changed', () => {
  const diff = (path: string, oldText: string | null, newText: string) => [
    { type: 'diff', path, oldText, newText },
  ]
  const inProject: Said = ['session', { agent: 'a', cwd: '/p' }]

  it('a file counts once its call has completed, as it was announced', () => {
    const announced = call({ kind: 'edit', status: 'pending', content: diff('/p/a.txt', null, 'x\ny\n') })
    expect(changesIn(inProject, announced).files).toEqual([])
    expect(changesIn(inProject, announced, update({ status: 'failed' })).files).toEqual([])
    expect(changesIn(inProject, announced, update({ status: 'completed' })).files).toEqual([
      { path: 'a.txt', status: 'added', additions: 2, deletions: 0, diff: '@@ -0,0 +1,2 @@\n+x\n+y' },
    ])
  })

  it('a changed part is shown with what is around it', () => {
    const before = ['1', '2', '3', '4', '5', '6', '7', '8'].join('\n')
    const edited = call({
      kind: 'edit',
      status: 'completed',
      content: diff('/p/a', before, before.replace('5', 'five')),
    })
    expect(changesIn(inProject, edited).files).toEqual([
      {
        path: 'a',
        status: 'modified',
        additions: 1,
        deletions: 1,
        diff: '@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8',
      },
    ])
  })

  it('a second change to a file is counted, and not shown where it may not stand', () => {
    const first = call({ kind: 'edit', status: 'completed', content: diff('/p/a', 'one\n', 'two\n') })
    const second: Said = [
      'tool_call',
      { toolCallId: 'c2', status: 'completed', content: diff('/p/a', 'x\n', 'y\n') },
    ]
    expect(changesIn(inProject, first, second).files).toEqual([
      { path: 'a', status: 'modified', additions: 2, deletions: 2, diff: '' },
    ])
  })

  it('commands are known by their input or their title, with how they ended', () => {
    const titled: Said = ['tool_call', { toolCallId: 'c2', kind: 'execute', title: 'ls', status: 'failed' }]
    expect(
      changesIn(call({ rawInput: { command: 'npm test' } }), update({ status: 'completed' }), titled)
        .commands,
    ).toEqual([
      { command: 'npm test', status: 'ok', exitCode: null },
      { command: 'ls', status: 'error', exitCode: null },
    ])
  })

  it('no update of any shape breaks the changes', () => {
    const types = ['session', 'tool_call', 'tool_call_update', 'usage_update']
    const field = fc.constantFrom('content', 'toolCallId', 'cost', 'rawInput', 'status', 'title', 'kind')
    const data = fc.oneof(fc.jsonValue(), fc.dictionary(field, fc.jsonValue()))
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...types), data), { maxLength: 20 }), (said) => {
        expect(changesIn(...(said as Said[])).complete).toBe(true)
      }),
    )
  })
})
