import { applyToChanges, changesResponse, newChanges } from '@millrace/protocol/view'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fileChange } from '#agents/tools/inside/file-change'

const change = (before: string | null | undefined, after: string, path = '/p/a') =>
  fileChange(path, '/p', typeof before === 'string' ? Buffer.from(before) : before, Buffer.from(after))

/** Makes the new lines of the old ones by the diff, whose only hunk must fit. */
function applied(old: readonly string[], diff: string): string[] {
  if (diff === '') return [...old]
  const [header = '', ...lines] = diff.split('\n')
  const [, start, count] = /^@@ -(\d+)(?:,(\d+))? /.exec(header) ?? []
  const from = count === '0' ? Number(start) : Number(start) - 1
  const kept = lines.filter((line) => line[0] !== '+').map((line) => line.slice(1))
  expect(old.slice(from, from + kept.length)).toEqual(kept)
  const made = lines.filter((line) => line[0] !== '-').map((line) => line.slice(1))
  return old.toSpliced(from, kept.length, ...made)
}

describe('what a tool did to a file', () => {
  it('the diff leads from the old lines to the new ones', () => {
    const lines = fc.array(fc.constantFrom('a', 'b', '', '+c', '\td'), { maxLength: 12 })
    const textOf = (some: readonly string[]) => some.map((line) => `${line}\n`).join('')
    fc.assert(
      fc.property(lines, lines, (old, now) => {
        const { diff, additions, deletions } = change(textOf(old), textOf(now))
        expect(applied(old, diff)).toEqual(now)
        expect(now.length - old.length).toBe(additions - deletions)
      }),
      { numRuns: 1000 },
    )
  })

  it('a new file is added, with a path relative to the project', () => {
    expect(change(null, 'one\ntwo\n', '/p/src/a.js')).toEqual({
      path: 'src/a.js',
      status: 'added',
      additions: 2,
      deletions: 0,
      diff: '@@ -0,0 +1,2 @@\n+one\n+two',
    })
    expect(change(null, '', '/elsewhere/a').path).toBe('/elsewhere/a')
  })

  it('a file that is not text, or whose content was not known, has no diff', () => {
    for (const before of ['\0', undefined])
      expect(change(before, 'a')).toMatchObject({ status: 'modified', diff: '' })
    expect(change(null, 'x'.repeat(300_000))).toMatchObject({ additions: 1, diff: '' })
  })

  it('the changes of a run take it as it is', () => {
    const complete = (seq: number, file: object) => ({
      seq,
      type: 'tool:complete',
      data: { toolCallId: `${seq}`, status: 'ok', result: { text: 'Done', files: [file] } },
    })
    const events = [complete(1, change(null, 'a\nb\n')), complete(2, change('a\nb\n', 'a\nB\n'))]
    const { files } = changesResponse(events.reduce(applyToChanges, newChanges('execution')))
    expect(files).toEqual([
      { path: 'a', status: 'added', additions: 2, deletions: 0, diff: '@@ -0,0 +1,2 @@\n+a\n+B' },
    ])
  })
})
