import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { temporaryFolder } from '@millrace/test-support/folders'
import { describe, expect, it } from 'vitest'
import { takeSnapshot } from '#runners/session/changes/snapshot'

function projectWith(files: Record<string, string>) {
  const root = temporaryFolder()
  const write = (path: string, content: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  for (const [path, content] of Object.entries(files)) write(path, content)
  return { root, write }
}

async function changesOf(root: string, change: () => void, limits = {}) {
  const snapshot = await takeSnapshot(root, root, limits)
  change()
  return (await snapshot?.changes())?.map(({ change }) => change)
}

describe.runIf(process.platform === 'linux')('the files of a project without git', () => {
  it('what was added, changed and deleted is found, with one diff each', async () => {
    const { root, write } = projectWith({ 'a/one': 'x\ny\n', two: 'gone\n', same: 's\n' })
    const found = await changesOf(root, () => {
      write('a/one', 'x\nz\n')
      rmSync(join(root, 'two'))
      write('deep/er/three', 'new\n')
    })
    expect(found).toEqual([
      { path: 'a/one', status: 'modified', additions: 1, deletions: 1, diff: '@@ -1,2 +1,2 @@\n x\n-y\n+z' },
      { path: 'deep/er/three', status: 'added', additions: 1, deletions: 0, diff: '@@ -0,0 +1 @@\n+new' },
      { path: 'two', status: 'deleted', additions: 0, deletions: 1, diff: '@@ -1 +0,0 @@\n-gone' },
    ])
  })

  it('a file that was written and is as it was is none, and neither is what tools generate', async () => {
    const { root, write } = projectWith({ one: 'x\n', 'node_modules/p/x': 'x' })
    const found = await changesOf(root, () => {
      write('one', 'y\n')
      write('one', 'x\n')
      write('node_modules/p/x', 'y')
      write('sub/target/made', 'y')
    })
    expect(found).toEqual([])
  })

  it('a change that kept the size and the time of a file is found', async () => {
    const { root, write } = projectWith({ one: 'x\n' })
    utimesSync(join(root, 'one'), 1000, 1000)
    const found = await changesOf(root, () => {
      write('one', 'y\n')
      utimesSync(join(root, 'one'), 1000, 1000)
    })
    expect(found).toMatchObject([{ path: 'one', diff: '@@ -1 +1 @@\n-x\n+y' }])
  })

  it('nothing outside the project is read, whatever becomes a link, and no pipe is waited for', async () => {
    const outside = projectWith({ 'inner/secret': 'secret\n' }).root
    const { root, write } = projectWith({ 'dir/secret': 'mine\n', one: 'x\n' })
    symlinkSync(join(outside, 'inner'), join(root, 'link-from-the-start'))
    const found = await changesOf(root, () => {
      renameSync(join(root, 'dir'), join(root, 'moved'))
      symlinkSync(join(outside, 'inner'), join(root, 'dir'))
      rmSync(join(root, 'one'))
      symlinkSync(join(outside, 'inner/secret'), join(root, 'one'))
      execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', join(root, 'pipe')])
      write('two', 'y\n')
    })
    expect(found?.map(({ path, status }) => `${status} ${path}`)).toEqual([
      'deleted dir/secret',
      'added moved/secret',
      'deleted one',
      'added two',
    ])
    expect(JSON.stringify(found)).not.toContain('secret\\n')
  })

  it('what is no text, too long, or beyond what is kept is shown without its lines', async () => {
    const { root, write } = projectWith({ a: 'x'.repeat(50), b: 'y'.repeat(50), binary: 'b\0', long: 'x' })
    const found = await changesOf(
      root,
      () => {
        for (const name of ['a', 'b']) write(name, 'z\n')
        write('binary', 'c\0')
        write('long', 'y'.repeat(101))
      },
      { fileBytesMax: 100, keptBytesMax: 60 },
    )
    expect(found?.map(({ path, diff }) => [path, diff !== ''])).toEqual([
      ['a', true],
      ['b', false],
      ['binary', false],
      ['long', false],
    ])
  })

  it.runIf(process.getuid?.() === 0)(
    "what the project's owner may not read is shown without its lines",
    async () => {
      const { root, write } = projectWith({ theirs: 'x\n', ours: 'x\n', shared: 'x\n' })
      for (const path of [root, join(root, 'theirs')]) chownSync(path, 12_345, 12_345)
      chmodSync(join(root, 'ours'), 0o640)
      const found = await changesOf(root, () => {
        for (const name of ['theirs', 'ours', 'shared']) write(name, 'y\n')
      })
      expect(found?.map(({ path, diff }) => [path, diff !== ''])).toEqual([
        ['ours', false],
        ['shared', true],
        ['theirs', true],
      ])
    },
  )

  it('a file that cannot be read hides no other', async () => {
    const { root, write } = projectWith({ shut: 'x', one: 'x\n' })
    chmodSync(join(root, 'shut'), 0)
    expect(await changesOf(root, () => write('one', 'y\n'))).toMatchObject([{ path: 'one' }])
  })

  it('there is no snapshot in a repository, in a folder of one, or of a project that is too large', async () => {
    const { root } = projectWith({ '.git/HEAD': '', 'inner/one': 'x', 'inner/two': 'x', 'inner/a/b': '' })
    const inner = join(root, 'inner')
    expect(await takeSnapshot(root, root)).toBeNull()
    expect(await takeSnapshot(inner, inner)).toBeNull()
    rmSync(join(root, '.git'), { recursive: true })
    expect(await takeSnapshot(inner, inner)).not.toBeNull()
    expect(await takeSnapshot(inner, inner, { filesMax: 2 })).toBeNull()
    expect(await takeSnapshot(inner, inner, { depthMax: 1 })).toBeNull()
    expect(await takeSnapshot(inner, inner, { timeMs: -1 })).toBeNull()
  })
})
