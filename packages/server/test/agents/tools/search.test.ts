import { describe, expect, it } from 'vitest'
import { MatchReport } from '#agents/tools/inside/matches'
import { openTools } from './support/rig.ts'

const { call, file, link, pipe } = openTools()
const search = (pattern: string, path: string, more: object = {}) =>
  call('search', { pattern, path, ...more })

describe('the tool search', () => {
  it('shows matching lines by file, with their numbers', async () => {
    file('code/a.ts', 'const one = 1\nlet two = 2\nconst three = 3\n')
    file('code/b.ts', 'nothing\n')
    file('code/sub/c.ts', 'const four = 4\n')
    expect(await search('^const \\w+', 'code')).toMatchObject({
      ok: true,
      text: 'code/a.ts\n     1: const one = 1\n     3: const three = 3\n\ncode/sub/c.ts\n     1: const four = 4',
      details: { matches: 3, files: 2, truncated: false },
    })
  })

  it('shows lines around a match', async () => {
    file('around/a', 'one\ntwo\nthree\nfour\nfive\nsix\nseven\n')
    expect((await search('two|six', 'around', { contextLines: 1 })).text).toBe(
      [
        'around/a',
        '     1- one',
        '     2: two',
        '     3- three',
        '      --',
        '     5- five',
        '     6: six',
        '     7- seven',
      ].join('\n'),
    )
  })

  it('shows paths only, or counts', async () => {
    file('modes/a', 'x\nx\n')
    file('modes/b', 'x\n')
    expect((await search('x', 'modes', { mode: 'files' })).text).toBe('modes/a\nmodes/b')
    expect((await search('x', 'modes', { mode: 'counts' })).text).toBe('modes/a: 2\nmodes/b: 1')
  })

  it('takes upper and lower case for the same where it is asked to', async () => {
    file('case/a', 'Straße TODO\n')
    expect((await search('todo', 'case')).text).toContain('Nothing matches todo')
    expect((await search('todo', 'case', { ignoreCase: true })).text).toContain('1: Straße TODO')
  })

  it('searches in files that match a glob, and leaves out what is rarely meant', async () => {
    file('globs/a.ts', 'x\n')
    file('globs/a.js', 'x\n')
    file('globs/node_modules/b.ts', 'x\n')
    expect((await search('x', 'globs', { glob: '*.ts', mode: 'files' })).text).toBe(
      'globs/a.ts\n\n[Left out: node_modules. Set "includeIgnored" to see them.]',
    )
  })

  it('searches one file', async () => {
    file('single.txt', 'x\r\ny\r\n')
    expect((await search('y$', 'single.txt')).text).toBe('single.txt\n     2: y')
  })

  it('skips binary files, named pipes and links, and does not hang', async () => {
    file('skips/binary', 'x\0x')
    file('skips/text', 'x\n')
    link('text', 'skips/link')
    link('.', 'skips/loop')
    pipe('skips/pipe')
    expect((await search('x', 'skips')).text).toBe(
      'skips/text\n     1: x\n\n[1 binary, very large or unreadable file was skipped.]',
    )
    expect((await search('x', 'skips/pipe')).ok).toBe(true)
  })

  it('shows the surroundings of a match in a huge line', async () => {
    file('huge', `${'a'.repeat(2_000_000)}needle${'b'.repeat(2_000_000)}\n`)
    const { text } = await search('needle', 'huge')
    expect(text.length).toBeLessThan(500)
    expect(text).toMatch(/\[…\] a{100}needleb+ \[…\]$/)
  })

  it('ends at a bound and says so', async () => {
    file('bound', 'x\n'.repeat(1000))
    const { text, details } = await search('x', 'bound', { limit: 5 })
    expect(text).toContain('     5: x\n\n[Ended after 5 matching lines: there may be more.')
    expect(details).toMatchObject({ matches: 5, truncated: true })
  })

  it('looks for no more matches in a file than it shows', () => {
    const report = (mode: 'lines' | 'files' | 'counts') =>
      new MatchReport({ mode, contextLines: 0, matchesMax: 5, outputCharsMax: 1000 })
    const lines = report('lines')
    expect(lines.room).toBe(5)
    lines.add('a', { lines: ['x', 'x'], at: [0, 1].map((line) => ({ line, column: 0 })) })
    expect(lines.room).toBe(3)
    expect(report('files').room).toBe(1)
    expect(report('counts').room).toBe(Number.POSITIVE_INFINITY)
  })

  it('shows lines after the last match without their CR', async () => {
    file('crlf', 'x\r\ny\r\nx\r\n')
    expect((await search('x', 'crlf', { limit: 1, contextLines: 1 })).text).toContain(
      '     1: x\n     2- y\n\n',
    )
  })

  it('bounds its output', async () => {
    file('wide', `${'x'.repeat(250)}\n`.repeat(1000))
    const { text } = await search('x', 'wide', { limit: 2000 })
    expect(text.length).toBeLessThan(41_000)
    expect(text).toContain('there may be more')
  })

  it.each([
    ['(a+)+$', 'nested repetition'],
    ['(a|aa)+$', 'ambiguous repetition'],
    ['(.*)(.*)(.*)(.*)(.*)x', 'many stars'],
    ['a{0,500}a{0,500}b', 'counted repetition'],
  ])('is quick with %s (%s), which other engines hang on', async (pattern) => {
    file('evil', `${'a'.repeat(5000)}!\n`.repeat(5))
    const start = performance.now()
    const { ok } = await search(pattern, 'evil')
    expect(ok).toBe(true)
    expect(performance.now() - start).toBeLessThan(40_000)
  })

  it.each([
    ['a bracket that is not closed', '('],
    ['a back reference', '(a)\\1'],
    ['a look-ahead', 'a(?=b)'],
  ])('refuses %s with a sentence', async (_what, pattern) => {
    file('some', 'ab\n')
    const { ok, text } = await search(pattern, 'some')
    expect({ ok, text }).toEqual({ ok: false, text: expect.stringContaining('The expression is not valid') })
  })
})
