import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openTools } from './support/rig.ts'

const { call, file, project } = openTools()
const write = (path: string, text: string) => call('write', { path, content: text })
const content = (path: string) => readFileSync(join(project, path), 'utf8')

describe('the tool write', () => {
  it('creates a file of the project’s owner, with its directories', async () => {
    expect(await write('a/b/c.txt', 'one\ntwo\n')).toMatchObject({
      ok: true,
      text: `Created ${join(project, 'a/b/c.txt')} (2 lines, 8 bytes).`,
      details: { created: true, bytes: 8, files: [{ path: 'a/b/c.txt', status: 'added', additions: 2 }] },
    })
    expect(content('a/b/c.txt')).toBe('one\ntwo\n')
    const { uid, gid } = statSync(project)
    expect(statSync(join(project, 'a/b/c.txt'))).toMatchObject({ uid, gid, mode: 0o100644 })
    expect(statSync(join(project, 'a/b'))).toMatchObject({ uid, gid })
  })

  it('replaces a file, and keeps its mode', async () => {
    file('run.sh', 'old\r\ncontent\r\n', 0o755)
    const { text } = await write('run.sh', 'new\n')
    expect(text).toBe(
      `Replaced the content of ${join(project, 'run.sh')} (1 line, 4 bytes; it had 14 bytes).\n[Its lines ended with CRLF before; now they end with LF.]`,
    )
    expect(content('run.sh')).toBe('new\n')
    expect(statSync(join(project, 'run.sh')).mode & 0o777).toBe(0o755)
  })

  it('says that a file has exactly this content already', async () => {
    file('same', 'same')
    expect((await write('same', 'same')).text).toContain('already has exactly this content')
  })

  it('stores any text as it is, a megabyte as well', async () => {
    const text = `\ufeff\0é😀\r\n${'x'.repeat(1_000_000)}`
    expect((await write('any', text)).ok).toBe(true)
    expect(content('any')).toBe(text)
  })

  it('creates an empty file', async () => {
    expect((await write('none', '')).text).toContain('(empty, 0 bytes)')
  })

  it.each([
    ['a file outside the project', '/var/tmp/x', 'outside the project'],
    ['a path that leads above the project', '../x', 'outside the project'],
    ['a file of /tmp, which ends with the call', '/tmp/x', 'outside the project'],
    ['a directory', 'folder', 'is a directory'],
    ['a file below a file', 'same/x', 'is a file, not a directory'],
    ['a file of a repository', '.git/hooks/pre-commit', 'is protected: .git'],
    ['a repository in a folder', 'sub/.GIT/config', 'is protected: .GIT'],
    ['settings that other programs run', '.mcp.json', 'is protected: .mcp.json'],
    ['a configuration of this server', 'sub/millrace.config.ts', 'is protected: millrace.config.ts'],
  ])('refuses %s', async (_what, path, sentence) => {
    file('folder/x', '')
    file('same', 'same')
    const { ok, text } = await write(path, 'x')
    expect({ ok, text }).toEqual({ ok: false, text: expect.stringContaining(sentence) })
    expect(existsSync(join(project, '.git'))).toBe(false)
  })

  it('leaves nothing behind where it fails', async () => {
    file('locked/x', '', 0o444)
    expect((await write('locked/x', 'y')).ok).toBe(false)
    expect(content('locked/x')).toBe('')
  })
})
