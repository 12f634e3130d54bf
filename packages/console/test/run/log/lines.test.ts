import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseAnsi } from '#run/log/ansi.ts'
import type { LoggedEvent } from '#run/log/blocks.ts'
import { carriedStyles } from '#run/log/carried.ts'
import { levelOf, markOf } from '#run/log/groups.ts'
import { marked } from '#run/log/matches.ts'

describe('marked', () => {
  it('a match is found across colours, and every piece keeps its own', () => {
    const spans = parseAnsi('an \u001b[31mer\u001b[32mror\u001b[0m here')
    expect(marked(spans, 'ERROR').map(({ text, style, isMatch }) => [text, style.color, isMatch])).toEqual([
      ['an ', undefined, false],
      ['er', 1, true],
      ['ror', 2, true],
      [' here', undefined, false],
    ])
  })

  it('the text is the same with and without matches, and exactly the matches are marked', () => {
    const spans = fc.array(fc.stringMatching(/^[abİ.*]{1,5}$/).map((text) => ({ text, style: {} })))
    fc.assert(
      fc.property(spans, fc.stringMatching(/^[ab.*]{0,3}$/), (given, searched) => {
        const pieces = marked(given, searched)
        const whole = given.map(({ text }) => text).join('')
        expect(pieces.map(({ text }) => text).join('')).toBe(whole)
        const found = pieces.map(({ text, isMatch }) => (isMatch ? text : '\n')).join('')
        const count = searched === '' ? 0 : whole.split(searched).length - 1
        expect(found.replaceAll('\n', '').length).toBe(count * searched.length)
        expect(pieces.every(({ text }) => text !== '')).toBe(true)
      }),
    )
  })
})

describe('groups', () => {
  it.each([
    ['::group::Install', { kind: 'begin', title: 'Install' }],
    ['##[group]Build it', { kind: 'begin', title: 'Build it' }],
    ['::group::', { kind: 'begin', title: 'Group' }],
    ['::endgroup::', { kind: 'end' }],
    ['##[endgroup]', { kind: 'end' }],
    [' ::group::x', null],
    ['group', null],
  ])('%j is %j', (line, mark) => {
    expect(markOf(line)).toEqual(mark)
  })

  it('a command of a runner is shown as its level and its text', () => {
    expect(levelOf('::error file=a.js,line=1::It failed')).toEqual({ level: 'error', text: 'It failed' })
    expect(levelOf('##[warning]Careful')).toEqual({ level: 'warning', text: 'Careful' })
    expect(levelOf('::set-output name=x::y')).toBeNull()
  })
})

describe('carriedStyles', () => {
  const log = (lines: readonly (readonly [stream: string, line: string])[]) => (seq: number) => {
    const [stream, line] = lines[seq - 1] ?? []
    return line === undefined
      ? undefined
      : ({ seq, at: 0, type: 'output', data: { stream, line } } satisfies LoggedEvent)
  }

  it('a colour lasts over the ends of lines until it is changed, for each stream by itself', () => {
    const eventOf = log([
      ['stdout', '\u001b[31mred'],
      ['stderr', 'plain'],
      ['stdout', 'still red'],
      ['stdout', 'red \u001b[1;32mgreen'],
      ['stdout', 'green, bold\u001b[m'],
      ['stdout', 'plain'],
    ])
    const styles = carriedStyles(eventOf, 2, 6)
    expect([...styles]).toEqual([
      [3, { color: 1 }],
      [4, { color: 1 }],
      [5, { color: 2, bold: true }],
    ])
  })

  it('lines that are far before what is shown, or are not there, change nothing', () => {
    const far = log([['stdout', '\u001b[31mred'], ...Array(400).fill(['stdout', 'x'])])
    expect(carriedStyles(far, 300, 302).size).toBe(0)
    expect(carriedStyles(() => undefined, 1, 10).size).toBe(0)
  })
})
