import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nameOfEvent, summaryOf } from '#run/events/event-words.ts'
import { editOf, editsOf } from '#run/talk/edits.ts'
import { textOfInput, textOfResult } from '#run/talk/results.ts'

describe('editOf', () => {
  it.each([
    ['an agent SDK edit', { file_path: 'a.js', old_string: 'x', new_string: 'y' }, ['removed x', 'added y']],
    ['an edit of our tools', { path: 'a.js', oldText: 'x', newText: '' }, ['removed x']],
    ['a new file', { file_path: 'a.js', content: 'x\ny\n' }, ['added x', 'added y']],
    [
      'several edits',
      {
        file_path: 'a.js',
        edits: [
          { old_string: 'x', new_string: 'y' },
          { old_string: 'p', new_string: 'p\nq' },
        ],
      },
      ['removed x', 'added y', 'same p', 'added q'],
    ],
  ])('%s is shown as a diff', (_, input, lines) => {
    const edit = editOf(input)
    expect(edit?.path).toBe('a.js')
    expect(edit?.lines.map(({ kind, text }) => `${kind} ${text}`)).toEqual(lines)
  })

  it.each([
    { command: 'ls' },
    { file_path: 'a.js' },
    { file_path: 'a.js', edits: [1, null] },
    null,
    'text',
    7,
  ])('%j is no edit', (input) => {
    expect(editOf(input)).toBeNull()
  })
})

describe('words for what a call was given and gave', () => {
  it('a command is shown as it is, and other fields by their names', () => {
    expect(textOfInput({ command: 'npm test', timeout: 5 })).toBe('npm test\ntimeout: 5')
    expect(textOfInput({ text: 'a\nb', list: [1] })).toBe('text:\na\nb\nlist:\n[\n  1\n]')
    expect(textOfInput(undefined)).toBe('')
  })

  it('a result is a text wherever it has one, and JSON elsewhere', () => {
    expect(textOfResult('x')).toBe('x')
    expect(textOfResult({ stdout: 'out' })).toBe('out')
    expect(textOfResult({ content: [{ type: 'text', text: 'a' }, { text: 'b' }] })).toBe('a\nb')
    expect(textOfResult({ count: 1 })).toBe('{\n  "count": 1\n}')
    expect(textOfResult(null)).toBe('')
  })
})

describe('words for events', () => {
  it('a type is read as words', () => {
    expect(nameOfEvent('deploy:step_done')).toBe('Deploy: step done')
    expect(nameOfEvent('run:queued')).toBe('Queued')
  })

  it('the most telling field is the summary, and plain fields where there is none', () => {
    expect(summaryOf({ id: 1, message: 'All is well' })).toBe('All is well')
    expect(summaryOf({ runId: 'x', percent: 40, nested: {} })).toBe('percent=40')
    expect(summaryOf({ event: { index: 0, delta: { type: 'text_delta', text: 'Hello' } } })).toBe('Hello')
    expect(summaryOf({ message: { content: [{ type: 'tool_use', name: 'Bash' }] } })).toBe('Bash')
    expect(summaryOf({ exitCode: 3 })).toBe('with exit code 3')
  })

  it('data of any shape has a summary of one line', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (data, type) => {
        expect(summaryOf(data)).not.toContain('\n')
        expect(summaryOf(data).length).toBeLessThanOrEqual(240)
        expect(typeof nameOfEvent(type)).toBe('string')
        expect(typeof textOfInput(data)).toBe('string')
        expect(typeof textOfResult(data)).toBe('string')
      }),
    )
  })
})

it('a whole file that an agent shows before and after is shown where it changed', () => {
  const before = Array.from({ length: 30 }, (_, index) => `line ${index}`)
  const after = before.with(10, 'another')
  const edits = [{ path: '/p/a.ts', before: before.join('\n'), after: after.join('\n') }]
  const [edit] = editsOf({ input: { path: 'ignored', content: 'ignored' }, edits })
  expect(edit?.path).toBe('/p/a.ts')
  expect(edit?.lines.map(({ kind, text }) => `${kind} ${text}`)).toEqual([
    'hunk … 7 unchanged lines',
    'same line 7',
    'same line 8',
    'same line 9',
    'removed line 10',
    'added another',
    'same line 11',
    'same line 12',
    'same line 13',
    'hunk … 16 unchanged lines',
  ])
})
