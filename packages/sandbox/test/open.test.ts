import { chownSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { isRoot, ordinaryUser, Workspace } from '@millrace/test-support/workspace'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { probe } from '#probe/probe'
import type { Sandbox } from '#sandbox'

const programs = vi.hoisted(() => ({ hidden: new Set<string>() }))

// The one fault that cannot be had for real here: a machine where a program is not installed.
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  const accessSync: typeof fs.accessSync = (path, mode) => {
    if (programs.hidden.has(String(path).split('/').at(-1) ?? '')) {
      throw Object.assign(new Error('hidden by the test'), { code: 'ENOENT' })
    }
    fs.accessSync(path, mode)
  }
  return { ...fs, accessSync, default: { ...fs, accessSync } }
})

const workspace = new Workspace()
const project = workspace.project('project')
const theirs = workspace.project('theirs', 'somebody')
afterAll(() => workspace.close())
afterEach(() => programs.hidden.clear())

const escapes = [
  'server environment',
  'data directory',
  'home',
  'writing outside the project',
  'kernel settings',
  'new user namespace',
  'network',
  'leaving a daemon behind',
  'set-uid bit',
]

describe('a boundary that works', () => {
  it('was attacked at the start, as every user that runs will have', async () => {
    const { report } = await workspace.open([project, theirs])
    expect(report.boundary).toBe('bubblewrap')
    const users = isRoot ? 2 : 1
    expect(report.checks.filter((check) => check.held)).toHaveLength(escapes.length * users)
    for (const name of escapes) {
      expect(report.checks.filter((check) => check.name.startsWith(name))).toHaveLength(users)
    }
  })

  it.runIf(isRoot)('says that a project of root has the weaker one', async () => {
    const { report } = await workspace.open([project, theirs])
    expect(report.warnings.filter((warning) => warning.includes('root'))).toEqual([
      expect.stringMatching(/^The project p0 belongs to root/),
    ])
  })

  it('says when a project holds home or the server itself', async () => {
    const { report } = await workspace.open([homedir(), process.cwd()])
    expect(report.warnings.some((warning) => /p0 contains the home directory/.test(warning))).toBe(true)
    expect(report.warnings.some((warning) => /p1 contains this server's own program/.test(warning))).toBe(
      true,
    )
  })

  it.runIf(isRoot)("was attacked as a user who may not enter the folder of the server's Node", async () => {
    const closed = join(workspace.root, 'closed')
    mkdirSync(closed, { mode: 0o700 })
    symlinkSync(process.execPath, join(closed, 'node'))
    const sandbox = await workspace.open([theirs])
    const found = await probe({
      spawn: (command) => sandbox.spawn(command),
      owner: ordinaryUser,
      node: join(closed, 'node'),
      home: homedir(),
      dataDir: workspace.dataDir,
      shown: [],
      variables: [],
    })
    expect(found.map(({ name, held }) => ({ name, held }))).toEqual(
      expect.arrayContaining(escapes.map((name) => ({ name, held: true }))),
    )
  })

  it('leaves nothing of the attack behind', async () => {
    const sandbox = await workspace.open([project])
    await sandbox.close()
    expect(readdirSync(project)).toEqual([])
    expect(readdirSync(workspace.dataDir)).toEqual(['sandbox'])
  })
})

describe('projects of root', () => {
  const refused = {
    code: 'sandbox_unavailable',
    message: expect.stringMatching(/would run as root.*chown.*rootProjects/),
  }

  it.runIf(isRoot)(
    'are refused where an ordinary owner is wanted, at the start and when the owner changes later',
    async () => {
      const ours = workspace.project('ours', 'us')
      const theirs = workspace.project('given-later', 'somebody')
      await expect(workspace.open([theirs, ours], { refuseRoot: true })).rejects.toMatchObject(refused)
      const sandbox = await workspace.open([theirs], { refuseRoot: true })
      expect((await workspace.sh(sandbox, theirs, 'id -u')).stdout).not.toBe('0\n')
      chownSync(theirs, 0, 0)
      await expect(workspace.sh(sandbox, theirs, 'id -u')).rejects.toMatchObject(refused)
    },
  )

  it('are accepted with a warning otherwise', async () => {
    const ours = workspace.project('ours', 'us')
    const { report } = await workspace.open([ours])
    expect(report.warnings.some((warning) => /a weaker boundary/.test(warning))).toBe(isRoot)
  })
})

describe('without bubblewrap', () => {
  it('"required" refuses to start and says what to install', async () => {
    programs.hidden.add('bwrap')
    await expect(workspace.open([project])).rejects.toMatchObject({
      code: 'sandbox_unavailable',
      message: expect.stringMatching(/required.*bubblewrap was not found; install bubblewrap 0\.8/),
    })
  })

  it('"auto" runs all the same, and warns loudly', async () => {
    programs.hidden.add('bwrap')
    const sandbox = await workspace.open([project], { mode: 'auto' })
    expect(sandbox.report.boundary).toBe('none')
    expect(sandbox.report.warnings).toEqual([
      expect.stringMatching(/^THERE IS NO SANDBOX.*install bubblewrap/),
    ])
    const ran = await workspace.sh(sandbox, project, 'echo hello; exit 4')
    expect(ran).toEqual({ stdout: 'hello\n', stderr: '', exit: { code: 4, signal: null } })
  })

  it('"off" says so', async () => {
    const sandbox = await workspace.open([project], { mode: 'off' })
    expect(sandbox.report).toEqual({
      boundary: 'none',
      checks: [],
      path: expect.anything(),
      warnings: [expect.stringMatching(/switched off/)],
    })
  })
})

describe('the probe', () => {
  let open: Sandbox
  beforeAll(async () => {
    open = await workspace.open([project], { mode: 'off' })
  })

  it('finds the escapes that succeed where there is no boundary', async () => {
    const found = await probe({
      spawn: (command) => open.spawn(command),
      owner: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
      node: process.execPath,
      home: homedir(),
      dataDir: workspace.dataDir,
      shown: [],
      variables: [],
    })
    const held = new Map(found.map((check) => [check.name, check.held]))
    expect([...held.keys()].sort()).toEqual([...escapes].sort())
    expect(held.get('data directory')).toBe(false)
    expect(held.get('writing outside the project')).toBe(false)
    expect(held.get('network')).toBe(false)
    if (isRoot) expect(held.get('kernel settings')).toBe(false)
    // Nothing it tried to change was changed.
    expect(readFileSync('/proc/sys/kernel/core_pattern', 'utf8')).not.toBe('')
    expect(readdirSync(join(workspace.dataDir)).filter((name) => name.startsWith('probe'))).toEqual([])
  })
})
