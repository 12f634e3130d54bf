import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openTools } from './support/rig.ts'

const { call, file, link, pipe, project } = openTools()
const list = (path: string, more: object = {}) => call('list', { path, ...more })

describe('the tool list', () => {
  it('shows the entries of a directory in a stable order, with what they are', async () => {
    file('kinds/b.txt', 'x'.repeat(2048))
    file('kinds/a/inner', '')
    file('kinds/a-b', '')
    link('a/inner', 'kinds/link')
    pipe('kinds/pipe')
    expect((await list('kinds')).text.split('\n')).toEqual([
      'a/',
      'a-b (0 bytes)',
      'b.txt (2.0 KiB)',
      'link -> a/inner',
      'pipe (named pipe)',
    ])
  })

  it('finds paths at any depth by a pattern, and leaves out what is rarely meant', async () => {
    file('tree/src/one.ts', '')
    file('tree/src/deep/two.ts', '')
    file('tree/node_modules/lib/three.ts', '')
    file('tree/.git/four.ts', '')
    expect((await list('tree', { pattern: '*.ts' })).text).toBe(
      'src/deep/two.ts\nsrc/one.ts\n\n[Left out: .git, node_modules. Set "includeIgnored" to see them.]',
    )
    expect((await list('tree', { pattern: '**/*.ts', includeIgnored: true })).text.split('\n')).toHaveLength(
      4,
    )
    expect((await list('tree/node_modules', { pattern: '*.ts' })).text).toBe('lib/three.ts')
  })

  it('looks as deep as it is asked to', async () => {
    file('levels/a/b/c', '')
    expect((await list('levels', { depth: 2 })).text).toBe('a/\na/b/')
  })

  it('ends at a bound and says so', async () => {
    for (let count = 0; count < 20; count += 1) file(`many/${count}`, '')
    expect((await list('many', { limit: 3 })).text).toMatch(
      /^0 .*\n1 .*\n10 .*\n\n\[There are more than these 3: /,
    )
  })

  it('follows no link, so that loops end', async () => {
    file('loops/file', '')
    link('.', 'loops/self')
    link('/', 'loops/root')
    expect((await list('loops', { pattern: '**' })).text).toBe('file\nroot -> /\nself -> .')
  })

  it('walks a very deep tree', async () => {
    execFileSync(
      'sh',
      ['-c', 'mkdir deep; cd deep; for i in $(seq 300); do mkdir d; cd d; done; echo > end'],
      {
        cwd: project,
      },
    )
    const { ok, details } = await list('deep', { depth: 100 })
    expect({ ok, details }).toMatchObject({ ok: true, details: { entries: 100 } })
  })

  it('shows a name with a newline or an escape as one entry of plain text', async () => {
    file('odd/one\ntwo', '')
    file('odd/red\u001b[31m\u009b', '')
    link('nowhere\nfake/', 'odd/to')
    expect((await list('odd')).text.split('\n')).toEqual([
      '"one\\ntwo" (0 bytes)',
      '"red\\u001b[31m\\u009b" (0 bytes)',
      'to -> "nowhere\\nfake/"',
    ])
  })

  it.each([
    ['a missing directory', 'missing', {}, 'There is no '],
    ['a file', 'plain', {}, 'is not a directory'],
    ['an absolute pattern', '.', { pattern: '/etc/*' }, 'relative to the directory'],
  ])('refuses %s', async (_what, path, more, sentence) => {
    file('plain', '')
    const { ok, text } = await list(path, more)
    expect({ ok, text }).toEqual({ ok: false, text: expect.stringContaining(sentence) })
  })

  it('says that a directory is empty, and that nothing matches', async () => {
    mkdirSync(join(project, 'empty'))
    expect((await list('empty')).text).toContain('is an empty directory')
    expect((await list('empty', { pattern: '*.ts' })).text).toContain('matches *.ts')
  })
})
