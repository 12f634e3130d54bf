import { Buffer } from 'node:buffer'
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, chownSync, mkdirSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { finish, isRoot, ordinaryUser, Workspace } from '@millrace/test-support/workspace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { homePrefixOf } from '#homes/own-homes'
import { isReachable } from '#paths'
import type { Sandbox } from '#sandbox'

const fewDescriptors = fileURLToPath(new URL('../support/few-descriptors-child.ts', import.meta.url))
const standInServer = fileURLToPath(new URL('../support/stand-in-server.ts', import.meta.url))
const workspace = new Workspace()
const mine = workspace.project('mine')
const theirs = workspace.project('theirs', 'somebody')
let contained: Sandbox
let loose: Sandbox

beforeAll(async () => {
  contained = await workspace.open([mine, theirs])
  loose = await workspace.open([mine, theirs], { mode: 'off' })
})
afterAll(() => workspace.close())

/** Of the fallback, which are directories of the host. */
const homesLeft = (dataDir = workspace.dataDir) => {
  const prefix = basename(homePrefixOf(dataDir))
  return readdirSync(tmpdir()).filter((name) => name.startsWith(prefix))
}

describe.each([
  ['inside bubblewrap', () => contained, mine],
  ['inside bubblewrap, as another user', () => contained, theirs],
  ['without a boundary', () => loose, mine],
  ['without a boundary, as another user', () => loose, theirs],
])('%s', (_name, sandboxOf, project) => {
  const sh = (script: string, options = {}) => workspace.sh(sandboxOf(), project, script, options)

  it('a run finds its files, in directories of their own, and nobody else may read them', async () => {
    const homeFiles = new Map<string, string | Buffer>([
      ['.settings.json', '{"ü": 1}'],
      ['.agent/projects/a b/one.jsonl', Buffer.from([0, 255, 10])],
      ['.agent/empty', ''],
    ])
    const { stdout, stderr } = await sh(
      'cd; cat .settings.json; echo; od -An -tx1 ".agent/projects/a b/one.jsonl"; wc -c < .agent/empty; find . -mindepth 1 -printf "%m %U %p\\n" | sort -k 3; id -u',
      { homeFiles },
    )
    const uid = stdout.trim().split('\n').at(-1)
    expect(stderr).toBe('')
    expect(stdout.split('\n').slice(0, -1)).toEqual([
      '{"ü": 1}',
      ' 00 ff 0a',
      '0',
      `700 ${uid} ./.agent`,
      `600 ${uid} ./.agent/empty`,
      `700 ${uid} ./.agent/projects`,
      `700 ${uid} ./.agent/projects/a b`,
      `600 ${uid} ./.agent/projects/a b/one.jsonl`,
      `600 ${uid} ./.settings.json`,
      uid,
    ])
  })

  it('a run may append to, replace and remove its files, and the next run does not see that', async () => {
    const homeFiles = new Map([
      ['log/a', 'one\n'],
      ['log/b', 'b'],
    ])
    const script =
      'cd ~/log && echo two >> a && cat a && echo new > c && mv c b && cat b && rm a && ls && cd && mv log moved && ls'
    const first = await sh(script, { homeFiles })
    expect(first).toMatchObject({ stdout: 'one\ntwo\nnew\nb\nmoved\n', stderr: '' })
    expect(await sh(script, { homeFiles })).toEqual(first)
    expect((await sh('ls -A ~')).stdout).toBe('')
  })

  it('a file of 20 MB arrives whole, and so do many at once', async () => {
    const large = randomBytes(20 * 1024 ** 2)
    const digest = createHash('sha256').update(large).digest('hex')
    const small = Array.from({ length: 40 }, (_, index) => [`many/${index}`, `${index}`] as const)
    const { stdout } = await sh(
      'cd; sha256sum < large | cut -d" " -f1; cat many/* | wc -c; ls many | wc -l',
      {
        homeFiles: new Map<string, string | Buffer>([['large', large], ...small]),
      },
    )
    expect(stdout.split('\n')).toEqual([digest, '70', '40', ''])
  })

  it('nothing of a home is left on the host, also of a run that was ended', async () => {
    const homeFiles = new Map([['secret', 'canary-home']])
    const child = await workspace.spawn(sandboxOf(), project, ['sh', '-c', 'cat ~/secret; sleep 300'], {
      homeFiles,
    })
    await new Promise((resolve) => child.stdout.once('readable', resolve))
    await child.end(0)
    expect((await finish(child)).stdout).toBe('canary-home')
    expect(homesLeft()).toEqual([])
    expect(readdirSync(join(workspace.dataDir), { recursive: true }).map(String)).not.toContain('secret')
  })

  it.each(['../out', 'a/../../out', '/etc/passwd', '..', '.', '', 'a/', 'a//b', './a', 'a/..', 'a\0b'])(
    'a file at %j is refused',
    async (path) => {
      await expect(sh('true', { homeFiles: new Map([[path, 'x']]) })).rejects.toMatchObject({
        code: 'invalid_request',
        message: expect.stringContaining(JSON.stringify(path)),
      })
      expect(homesLeft()).toEqual([])
    },
  )

  it('a file that another one would lie below is refused', async () => {
    const homeFiles = new Map([
      ['a/b/c', 'x'],
      ['a/b', 'x'],
    ])
    await expect(sh('true', { homeFiles })).rejects.toThrow('"a/b"')
  })

  it('a name that begins with dots is a name', async () => {
    const { stdout } = await sh('cd; cat ..a .b/...', {
      homeFiles: new Map([
        ['..a', '1'],
        ['.b/...', '2'],
      ]),
    })
    expect(stdout).toBe('12')
  })
})

// Root enters every directory, so it needs a server that is not.
describe.skipIf(isRoot && !isReachable(standInServer, ordinaryUser.uid, ordinaryUser.gid))(
  'a run that closed directories of its home to itself',
  () => {
    it('ends like any other, and its home goes', async () => {
      const dataDir = join(workspace.root, 'unprivileged-data')
      const project = join(workspace.root, 'unprivileged')
      for (const folder of [dataDir, project]) {
        mkdirSync(folder)
        if (isRoot) chownSync(folder, ordinaryUser.uid, ordinaryUser.gid)
      }
      // On the PATH, as root's directories are for a server that root has started for another user.
      const closed = workspace.project('closed')
      chmodSync(closed, isRoot ? 0o700 : 0)
      const script = 'cd; mkdir -p a/b c; touch a/b/file c/file; chmod 500 c; chmod 000 a/b a; echo closed'
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [standInServer, JSON.stringify({ mode: 'off', dataDir, project, script })],
        { ...(isRoot ? ordinaryUser : {}), env: { PATH: `${closed}:${process.env.PATH}`, HOME: project } },
      )
      expect(stdout).toContain('closed')
      expect(homesLeft(dataDir)).toEqual([])
      chmodSync(closed, 0o700)
    })
  },
)

describe('a server that has run out of descriptors', () => {
  it.each(['required', 'off'])('refuses a run, goes on, and leaves no home (%s)', async (mode) => {
    const dataDir = join(workspace.root, `few-${mode}`)
    mkdirSync(dataDir)
    const args = JSON.stringify({ mode, dataDir, project: mine })
    const child = ['--nofile=300:300', process.execPath, fewDescriptors, args]
    const { stdout } = await promisify(execFile)('prlimit', child)
    const ends: string[] = JSON.parse(stdout)
    expect(ends[0]).toBe('in full')
    expect(ends.filter((end) => end.includes('EMFILE')).length).toBeGreaterThan(5)
    // Either whole or not at all.
    expect(ends.filter((end) => !/EMFILE|too many open files|^in full$/i.test(end))).toEqual([])
    expect(homesLeft(dataDir)).toEqual([])
  })
})
