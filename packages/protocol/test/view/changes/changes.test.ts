import { describe, expect, it } from 'vitest'
import type { RunKind } from '#runs'
import { applyToChanges, changesInLine, changesResponse, newChanges } from '#view/changes/changes'

type Event = [type: string, data: unknown]

function after(kind: RunKind, ...events: Event[]) {
  const changes = events.reduce(
    (into, [type, data], index) => applyToChanges(into, { seq: index + 1, type, data }),
    newChanges(kind),
  )
  return changesResponse(changes)
}

const init: Event = ['system', { type: 'system', subtype: 'init', cwd: '/project' }]
const answer = (id: string, name: string, input: unknown): Event => [
  'assistant',
  { message: { content: [{ type: 'tool_use', id, name, input }] } },
]
const result = (id: string, structured: unknown, more: object = {}): Event => [
  'user',
  {
    message: { content: [{ type: 'tool_result', tool_use_id: id, content: '', ...more }] },
    tool_use_result: structured,
  },
]
const hunk = (oldStart: number, lines: string[]) => ({
  oldStart,
  oldLines: lines.filter((line) => line[0] !== '+').length,
  newStart: oldStart,
  newLines: lines.filter((line) => line[0] !== '-').length,
  lines,
})
const written = (path: string, content: string) =>
  result('w', { type: 'create', filePath: path, content, structuredPatch: [] })
const edited = (path: string, ...hunks: unknown[]) => result('e', { filePath: path, structuredPatch: hunks })
const shell = (...files: unknown[]) => result('b', { stdout: '', bashEditDiff: { files } })

describe('what a session changed', () => {
  it('the edits of a file are one diff, and paths are relative to where the agent works', () => {
    const { files } = after(
      'session',
      init,
      edited('/project/a.txt', hunk(1, [' one', '-two', '+2'])),
      edited('/project/a.txt', hunk(2, [' 2', '+2.5', ' three'])),
      written('/elsewhere/b.txt', 'b\n'),
    )
    expect(files).toEqual([
      {
        path: 'a.txt',
        status: 'modified',
        additions: 2,
        deletions: 1,
        diff: '@@ -1,3 +1,4 @@\n one\n-two\n+2\n+2.5\n three',
      },
      { path: '/elsewhere/b.txt', status: 'added', additions: 1, deletions: 0, diff: '@@ -0,0 +1 @@\n+b' },
    ])
  })

  it('the status of a file is from how it was to how it is', () => {
    const gone = { filePath: '/project/a', deleted: true, hunks: [hunk(1, ['-a'])] }
    const made = { filePath: '/project/a', created: true, hunks: [hunk(1, ['+b'])] }
    const statuses = (...events: Event[]) =>
      after('session', init, ...events).files.map(({ status }) => status)
    expect(statuses(shell(gone))).toEqual(['deleted'])
    expect(statuses(shell(made))).toEqual(['added'])
    expect(statuses(shell(made), shell({ ...gone, hunks: [hunk(1, ['-b'])] }))).toEqual([])
    expect(statuses(shell(gone), shell(made))).toEqual(['modified'])
    expect(statuses(shell(gone), shell({ ...made, hunks: [hunk(1, ['+a'])] }))).toEqual([])
    expect(statuses(written('/project/a', 'a'), edited('/project/a', hunk(1, ['-a', '+b'])))).toEqual([
      'added',
    ])
  })

  it('a file whose lines are not known, or are too many, is listed without a diff', () => {
    const large = Array.from({ length: 5000 }, (_, index) => `+${index}`)
    const { files } = after(
      'session',
      init,
      edited('/project/unknown'),
      edited('/project/unknown', hunk(1, ['-a', '+b'])),
      edited('/project/large', hunk(1, large)),
      edited('/project/large', hunk(1, ['-0', '+zero'])),
    )
    expect(files).toEqual([
      { path: 'unknown', status: 'modified', additions: 1, deletions: 1, diff: '' },
      { path: 'large', status: 'modified', additions: 5001, deletions: 1, diff: '' },
    ])
  })

  it('what a subagent changed is among the changes', () => {
    const data = {
      toolUseId: 't',
      agentId: 'a',
      tool: 'Edit',
      result: { filePath: '/project/s', structuredPatch: [hunk(1, ['+x'])] },
    }
    expect(after('session', init, ['subagent:result', data]).files).toMatchObject([
      { path: 's', additions: 1 },
    ])
  })

  it('commands are listed with how they ended, and what runs at the end was cancelled', () => {
    const bash = (id: string, command: string) => answer(id, 'Bash', { command })
    const rejected = { tool_result_meta: [{ id: 'c', permission_decision: { decision: 'reject' } }] }
    const [type, refused] = result('c', 'Error', { is_error: true })
    const { commands, costUsd } = after(
      'session',
      bash('a', 'true'),
      bash('b', 'exit 3'),
      bash('c', 'rm -rf /'),
      bash('d', 'rm -rf ~'),
      bash('e', 'sleep 1000'),
      answer('f', 'Read', { file_path: '/project/a' }),
      result('a', {}),
      result('b', 'Error', { is_error: true, content: 'Exit code 3\nno' }),
      [type, { ...(refused as object), ...rejected }],
      ['permission:denied', { toolUseId: 'd' }],
      result('d', 'Error', { is_error: true }),
      ['result', { total_cost_usd: 0.25 }],
      ['aborted', {}],
    )
    expect(commands).toEqual([
      { command: 'true', status: 'ok', exitCode: 0 },
      { command: 'exit 3', status: 'error', exitCode: 3 },
      { command: 'rm -rf /', status: 'denied', exitCode: null },
      { command: 'rm -rf ~', status: 'denied', exitCode: null },
      { command: 'sleep 1000', status: 'cancelled', exitCode: null },
    ])
    expect(costUsd).toBe(0.25)
  })

  it('changes are bounded, and what is left out is counted', () => {
    const many = Array.from({ length: 600 }, (_, index) => index)
    const changes = after(
      'session',
      ...many.map((index) => written(`/f${index}`, 'a')),
      ...many.map((index) => answer(`t${index}`, 'Bash', { command: `${index}` })),
    )
    expect(changes).toMatchObject({ filesLeftOut: 100, commandsLeftOut: 100 })
    expect([changes.files.length, changes.commands.length]).toEqual([500, 500])
    expect(changes.commands.at(-1)?.command).toBe('599')
    const wide = 'x'.repeat(1024 ** 2)
    const { files } = after('session', ...[1, 2, 3].map((index) => written(`/f${index}`, wide)))
    expect(files.map(({ diff }) => diff === '')).toEqual([false, true, true])
  })

  it('an event that is made to be slow is not', () => {
    const mixed = (count: number) =>
      Array.from({ length: count }, (_, index) => (index % 2 === 0 ? ' ' : '+'))
    const slow: Event[] = [
      edited('/a', hunk(1, mixed(200_000))),
      edited('/b', ...Array.from({ length: 12_000 }, (_, index) => hunk(index * 3 + 1, ['-a', '+b']))),
      edited('/c', hunk(1, mixed(1900))),
      shell(...Array.from({ length: 30_000 }, (_, index) => ({ filePath: `/f${index}`, hunks: [] }))),
    ]
    for (const event of slow) {
      const begun = performance.now()
      after('session', event, event, event)
      // On a quiet machine a tenth of it. Without bounds, the first takes minutes.
      expect(performance.now() - begun).toBeLessThan(10_000)
    }
  })

  it('foreign data of any shape is taken without harm', () => {
    for (const junk of [null, 7, 'x', [], {}, [null], { files: [null, {}] }, { files: [{ filePath: 1 }] }]) {
      const events: Event[] = [
        'user',
        'assistant',
        'system',
        'subagent:result',
        'permission:denied',
        'result',
      ].flatMap((type): Event[] => [
        [type, junk],
        [type, { message: junk, tool_use_result: junk, result: junk, subtype: 'init', cwd: junk }],
        [type, { tool_use_result: { bashEditDiff: junk, filePath: '/a', structuredPatch: [junk] } }],
      ])
      expect(after('session', ...events).files.length, JSON.stringify(junk)).toBeLessThan(2)
    }
  })
})

describe('what an execution changed', () => {
  it('files and commands of an execution are in the results of its tools', () => {
    const file = { path: 'a.txt', status: 'added', additions: 1, deletions: 0, diff: '@@ -0,0 +1 @@\n+a' }
    const { files, commands, costUsd } = after(
      'execution',
      ['tool:start', { toolCallId: 'w', toolName: 'write', params: { path: 'a.txt' } }],
      [
        'tool:complete',
        { toolCallId: 'w', status: 'ok', result: { text: 'Written', files: [file, { path: 1 }] } },
      ],
      ['tool:start', { toolCallId: 's', toolName: 'shell', params: { command: 'make' } }],
      ['tool:complete', { toolCallId: 's', status: 'error', result: { text: 'no', exitCode: 2 } }],
      ['usage', { tokens: {}, costUsd: 0.5 }],
    )
    expect(files).toEqual([file])
    expect(commands).toEqual([{ command: 'make', status: 'error', exitCode: 2 }])
    expect(costUsd).toBe(0.5)
  })
})

describe('changes in a line', () => {
  it('changes in a line count files, lines and commands', () => {
    const counts = { filesLeftOut: 0, commandsLeftOut: 0, costUsd: null, complete: true }
    const nothing = { ...counts, files: [], commands: [] }
    const file = { path: 'a', status: 'added', additions: 12, deletions: 4, diff: '' } as const
    const failed = { command: 'x', status: 'error', exitCode: 1 } as const
    expect(changesInLine(nothing)).toBe('')
    expect(changesInLine({ ...nothing, files: [file] })).toBe('1 file changed (+12 −4)')
    expect(changesInLine({ ...nothing, files: [file, file], filesLeftOut: 1, commands: [failed] })).toBe(
      '3 files changed (+24 −8), 1 command (1 failed)',
    )
  })
})
