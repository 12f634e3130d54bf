import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openTools } from './support/rig.ts'

const tools = openTools()
const { call, file, link, pipe, project } = tools
const read = (path: string, more: object = {}) => call('read', { path, ...more })

describe('the tool read', () => {
  it('shows the lines of a file with their numbers', async () => {
    file('three.txt', 'one\ntwo\nthree\n')
    expect(await read('three.txt')).toMatchObject({
      ok: true,
      text: '     1\tone\n     2\ttwo\n     3\tthree',
      details: { path: join(project, 'three.txt'), lines: 3, bytes: 14 },
    })
  })

  it('shows the lines that are asked for, and says where to read on', async () => {
    file('many.txt', Array.from({ length: 100 }, (_, index) => `line ${index + 1}\n`).join(''))
    const { text } = await read('many.txt', { offset: 10, limit: 2 })
    expect(text).toBe('    10\tline 10\n    11\tline 11\n\n[Lines 10–11 of 100. To read on, use offset 12.]')
  })

  it('says that a line is beyond the end of the file', async () => {
    file('one.txt', 'one\n')
    expect((await read('one.txt', { offset: 2 })).text).toBe(
      `${join(project, 'one.txt')} has 1 line; there is no line 2.`,
    )
  })

  it('says that a file is empty', async () => {
    file('empty.txt', '')
    expect((await read('empty.txt')).text).toBe(`${join(project, 'empty.txt')} is empty (0 bytes).`)
  })

  it('notes a byte order mark, CRLF and a missing newline at the end, and shows none of them', async () => {
    file('windows.txt', '\ufeffone\r\ntwo')
    expect((await read('windows.txt')).text).toBe(
      [
        '     1\tone',
        '     2\ttwo',
        '',
        '[The file begins with a byte order mark. Edits keep it.]',
        '[Lines end with CRLF. Edits keep that.]',
        '[There is no newline at the end of the file.]',
      ].join('\n'),
    )
  })

  it('takes CR alone for no end of a line', async () => {
    file('cr.txt', 'one\rtwo\r')
    expect((await read('cr.txt')).text).toBe(
      '     1\tone\rtwo\n\n[There is no newline at the end of the file.]',
    )
  })

  it('shows bytes that are not UTF-8 as replacement characters, and notes them', async () => {
    file('latin1.txt', Buffer.from('caf\xe9\n', 'latin1'))
    expect((await read('latin1.txt')).text).toBe(
      '     1\tcaf\ufffd\n\n[Bytes that are not UTF-8 are shown as \ufffd.]',
    )
  })

  it('cuts a huge line and says how much is missing', async () => {
    file('huge.txt', `${'x'.repeat(3_000_000)}\nlast\n`)
    const { text } = await read('huge.txt')
    expect(text.length).toBeLessThan(3000)
    expect(text).toMatch(/x{2000} \[… 2998000 more characters or bytes in this line\]\n {5}2\tlast$/)
  })

  it('ends its output at a bound, at the end of a line', async () => {
    file('long.txt', `${'y'.repeat(1000)}\n`.repeat(100))
    const { text } = await read('long.txt')
    expect(text.length).toBeLessThan(41_000)
    expect(text).toMatch(/\[Lines 1–\d\d of 100\. To read on, use offset \d\d\.\]$/)
  })

  it.each([
    ['an image (PNG)', 'a.png', Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1')],
    ['a binary file', 'a.bin', Buffer.from('ab\0cd')],
    ['a PDF document', 'a.pdf', Buffer.from('%PDF-1.7\nstream')],
    ['UTF-16 text', 'a.utf16', Buffer.from('\ufeffhello', 'utf16le')],
  ])('refuses %s with a sentence', async (kind, name, content) => {
    file(name, content)
    const { ok, text } = await read(name)
    expect(ok).toBe(false)
    expect(text).toContain(`${join(project, name)} is ${kind}.`)
  })

  it.each([
    ['a directory', 'folder', 'is a directory. Use the list tool'],
    ['a named pipe', 'pipe', 'is a named pipe'],
    ['a link to a named pipe', 'link-to-pipe', 'is a named pipe'],
    ['a device', '/dev/zero', 'is a device'],
    ['a missing file', 'missing.txt', 'There is no '],
    ['links that never end', 'loop', 'leads through symbolic links that never end'],
    ['a path below a file', 'one.txt/x', 'is a file, not a directory'],
    ['a path that is too long', `${'d'.repeat(300)}`, 'The path is too long'],
  ])('refuses %s and does not hang', async (_kind, path, sentence) => {
    file('one.txt', 'one\n')
    mkdirSync(join(project, 'folder'), { recursive: true })
    pipe('pipe')
    link('loop', 'loop')
    link('pipe', 'link-to-pipe')
    const { ok, text } = await read(path)
    expect({ ok, text }).toEqual({ ok: false, text: expect.stringContaining(sentence) })
  })

  it('reads a file of /proc that has no size', async () => {
    expect((await read('/proc/self/status')).text).toContain('NoNewPrivs:\t1')
  })

  it('reads a path with spaces, quotes and newlines', async () => {
    file('odd \' "\n$(x).txt', 'odd\n')
    expect((await read('odd \' "\n$(x).txt')).text).toBe('     1\todd')
  })

  it('has nothing of the server in its environment', async () => {
    process.env.MILLRACE_CANARY_TOKEN = 'canary-3b1f'
    const { text } = await call('read', { path: '/proc/self/environ' }, { environment: { MINE: 'passed' } })
    delete process.env.MILLRACE_CANARY_TOKEN
    expect(text).not.toMatch(/canary|MINE/)
  })

  it('starts a relative path where the run works', async () => {
    file('sub/inner.txt', 'inner\n')
    const { text } = await call('read', { path: '../sub/./inner.txt' }, { cwd: join(project, 'sub') })
    expect(text).toBe('     1\tinner')
  })

  it('works without a boundary', async () => {
    file('loose.txt', 'loose\n')
    expect((await call('read', { path: 'loose.txt' }, { sandbox: tools.loose })).text).toBe('     1\tloose')
  })
})
