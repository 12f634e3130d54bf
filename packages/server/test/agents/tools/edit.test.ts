import { linkSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openTools } from './support/rig.ts'

const { call, file, link, project, give, workspace } = openTools()
const edit = (path: string, oldText: string, newText: string, more: object = {}) =>
  call('edit', { path, oldText, newText, ...more })
const content = (path: string) => readFileSync(join(project, path), 'utf8')

describe('the tool edit', () => {
  it('changes the only place and shows it with its surroundings', async () => {
    file('code.js', 'one\ntwo\nthree\nfour\nfive\nsix\n')
    expect(await edit('code.js', 'three', 'drei\n3')).toMatchObject({
      ok: true,
      text: [
        `Edited ${join(project, 'code.js')}.`,
        '     1\tone',
        '     2\ttwo',
        '     3\tdrei',
        '     4\t3',
        '     5\tfour',
        '     6\tfive',
        '     7\tsix',
      ].join('\n'),
      details: {
        path: join(project, 'code.js'),
        replacements: 1,
        line: 3,
        files: [
          { path: 'code.js', status: 'modified', additions: 2, deletions: 1, diff: expect.any(String) },
        ],
      },
    })
    expect(content('code.js')).toBe('one\ntwo\ndrei\n3\nfour\nfive\nsix\n')
  })

  it('keeps the mode of the file and leaves no other file', async () => {
    file('run.sh', '#!/bin/sh\necho old\n', 0o750)
    const before = readdirSync(project).length
    await edit('run.sh', 'old', 'new')
    expect(statSync(join(project, 'run.sh')).mode & 0o777).toBe(0o750)
    expect(readdirSync(project).length).toBe(before)
  })

  it('keeps the owner of the file', async () => {
    const { uid, gid } = statSync(file('owned', 'x'))
    await edit('owned', 'x', 'y')
    expect(statSync(join(project, 'owned'))).toMatchObject({ uid, gid })
  })

  it('changes nothing where the text is found more than once, and says where', async () => {
    file('twice', 'x\ny\nx\n')
    const { ok, text } = await edit('twice', 'x', 'z')
    expect({ ok, text }).toEqual({ ok: false, text: expect.stringContaining('2 times (at lines 1, 3)') })
    expect(content('twice')).toBe('x\ny\nx\n')
    expect((await edit('twice', 'x', 'z', { replaceAll: true })).text).toContain('in 2 places')
    expect(content('twice')).toBe('z\ny\nz\n')
  })

  it('changes nothing where the text is not found, and says what comes close', async () => {
    file('near', 'if (a) {\n\treturn\n}\n')
    const { ok, text } = await edit('near', 'if (a) {\n  return\n}', 'x')
    expect(ok).toBe(false)
    expect(text).toContain('matches except for white space')
    expect(text).toContain('     2\t\treturn')
  })

  it('keeps CRLF, a byte order mark and a missing newline at the end', async () => {
    file('windows', '\ufeffone\r\ntwo\r\nthree')
    await edit('windows', 'one\ntwo', 'eins\nzwei')
    expect(content('windows')).toBe('\ufeffeins\r\nzwei\r\nthree')
  })

  it('keeps bytes that are not UTF-8', async () => {
    file('latin1', Buffer.from('caf\xe9\nold\n', 'latin1'))
    await edit('latin1', 'old', 'new')
    expect(readFileSync(join(project, 'latin1')).toString('latin1')).toBe('caf\xe9\nnew\n')
  })

  it.each([
    ['a missing file', 'missing', 'There is no '],
    ['an empty file', 'empty', 'is empty. Use the write tool'],
    ['a binary file', 'binary', 'is not plain text'],
    ['a directory', 'folder', 'is a directory'],
    ['a file that is read-only', 'read-only', 'Permission denied'],
    ['a file that is too large', 'large', 'project/large is too large for this tool: 10.0 GiB'],
    ['the project itself', '.', 'project is a directory'],
    ['a dangling link', 'dangling', 'is a link to nowhere, which does not exist'],
  ])('refuses %s', async (_what, path, sentence) => {
    file('empty', '')
    file('binary', 'x\0y')
    mkdirSync(join(project, 'folder'), { recursive: true })
    file('read-only', 'x', 0o444)
    link('nowhere', 'dangling')
    truncateSync(file('large', ''), 10 * 1024 ** 3)
    const { ok, text } = await edit(path, 'x', 'y')
    expect({ ok, text }).toEqual({ ok: false, text: expect.stringContaining(sentence) })
  })

  it('changes the file that a link of the project leads to, and keeps the link', async () => {
    file('real/file', 'old')
    link('real/file', 'link')
    expect((await edit('link', 'old', 'new')).ok).toBe(true)
    expect(content('real/file')).toBe('new')
    expect(
      readdirSync(project, { withFileTypes: true })
        .find(({ name }) => name === 'link')
        ?.isSymbolicLink(),
    ).toBe(true)
  })

  it('does not reach another name of the file, also where that lies outside the project', async () => {
    const outside = join(workspace.root, 'outside-name')
    linkSync(file('hard', 'old'), outside)
    give(outside)
    const { text } = await edit('hard', 'old', 'new')
    expect(text).toContain('other names (hard links)')
    expect(content('hard')).toBe('new')
    expect(readFileSync(outside, 'utf8')).toBe('old')
  })
})
