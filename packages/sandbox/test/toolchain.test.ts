import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isRoot, ordinaryUser, Workspace } from '@millrace/test-support/workspace'
import { afterAll, describe, expect, it } from 'vitest'
import { findToolchain } from '#bubblewrap/toolchain'
import { splitEnvironment } from '#environment'
import { isReachable } from '#paths'

const workspace = new Workspace()
afterAll(() => workspace.close())

const home = workspace.project('home')
const dataDir = workspace.dataDir
const project = workspace.project('work/project')
const version = workspace.project('home/.nvm/versions/node/v24.0.0')
const opt = workspace.project('opt/tool/bin')
mkdirSync(join(version, 'bin'))
mkdirSync(join(version, 'lib/node_modules/npm/bin'), { recursive: true })
writeFileSync(join(version, 'bin/node'), '', { mode: 0o755 })
writeFileSync(join(version, 'lib/node_modules/npm/bin/npm-cli.js'), '', { mode: 0o755 })
symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(version, 'bin/npm'))

function toolchain(...path: string[]) {
  const node = join(version, 'bin/node')
  return findToolchain({ node, path: path.join(':'), home, dataDir, projects: [project] })
}

describe('the programs of a run', () => {
  it('node comes first, and npm with the package it belongs to, also below home', () => {
    const { path, shown } = toolchain('/usr/bin')
    expect(path.slice(0, 2)).toEqual([join(version, 'bin'), '/usr/bin'])
    expect(shown).toEqual([join(version, 'bin'), join(version, 'lib/node_modules/npm')])
  })

  it('directories of the PATH are shown where they are nobody’s own', () => {
    expect(toolchain(opt).shown).toContain(opt)
    expect(toolchain(opt).path).toContain(opt)
  })

  it('a package in /opt is shown whole, but for its settings and data', () => {
    for (const name of ['bin', 'lib', 'etc', 'var', '.secrets', 'work'])
      mkdirSync(join(workspace.root, 'opt/jdk', name), { recursive: true })
    symlinkSync(home, join(workspace.root, 'opt/jdk/elsewhere'))
    const projects = [join(workspace.root, 'opt/jdk/work')]
    const packageRoots = [join(workspace.root, 'opt')]
    const node = join(version, 'bin/node')
    const jdk = join(workspace.root, 'opt/jdk')
    const found = findToolchain({ node, path: join(jdk, 'bin'), home, dataDir, projects, packageRoots })
    expect(found.shown.filter((path) => path.startsWith(jdk))).toEqual([join(jdk, 'bin'), join(jdk, 'lib')])
    expect(toolchain(join(jdk, 'bin')).shown).not.toContain(join(jdk, 'lib'))
  })

  it.each([
    ['home', home],
    ['what lies in home', join(home, '.nvm')],
    ['the data directory', dataDir],
    ['a project', project],
    ['a directory that holds a project', join(workspace.root, 'work')],
    ['a directory that holds home', workspace.root],
    ['the root', '/'],
    ['nothing', '/no/such/directory'],
    ['a relative path', 'node_modules/.bin'],
  ])('%s is never shown', (_what, directory) => {
    const plain = toolchain('/usr/bin')
    const { path, shown, leftOut } = toolchain(directory, '/usr/bin')
    expect({ path, shown }).toEqual({ path: plain.path, shown: plain.shown })
    expect(leftOut).toEqual([{ directory, why: expect.any(String) }])
  })

  it('a link to something private does not show it', () => {
    const link = join(opt, '../link')
    symlinkSync(home, link)
    expect(toolchain(link).shown).not.toContain(home)
  })

  it('what npm puts in front for its own scripts is left out', () => {
    const bin = workspace.project('opt/app/node_modules/.bin')
    expect(toolchain(bin).path).not.toContain(bin)
  })

  it('what the run’s user cannot reach is not mounted, so that the run starts', () => {
    const closed = workspace.project('closed')
    mkdirSync(join(closed, 'inner'))
    execFileSync('chmod', ['700', closed])
    expect(isReachable(join(closed, 'inner'), ordinaryUser.uid, ordinaryUser.gid)).toBe(false)
    expect(isReachable(project, ordinaryUser.uid, ordinaryUser.gid)).toBe(true)
    expect(isReachable(join(closed, 'inner'), 0, 0)).toBe(true)
  })

  it.runIf(isRoot)('a run of another user starts although a readable path is closed to it', async () => {
    const theirs = workspace.project('theirs', 'somebody')
    const closed = workspace.project('shut')
    mkdirSync(join(closed, 'inner'), { recursive: true })
    execFileSync('chmod', ['700', closed])
    const sandbox = await workspace.open([theirs], { readPaths: [join(closed, 'inner')] })
    expect((await workspace.sh(sandbox, theirs, 'echo fine')).stdout).toBe('fine\n')
  })
})

describe('npm', () => {
  it('runs the scripts of a project inside', async () => {
    const sandbox = await workspace.open([project])
    writeFileSync(join(project, 'package.json'), '{"name":"x","scripts":{"hello":"node -p 1+1"}}')
    const { stdout, exit } = await workspace.sh(sandbox, project, 'npm run --silent hello')
    expect({ stdout, exit }).toEqual({ stdout: '2\n', exit: { code: 0, signal: null } })
  })
})

describe('the environment', () => {
  it('is split so that nothing of the loader’s reaches what stands before the boundary', () => {
    const { inherited, inside } = splitEnvironment({
      PATH: '/bin',
      LD_PRELOAD: 'x',
      GCONV_PATH: 'y',
      CI: '1',
    })
    expect(inherited).toEqual({ PATH: '/bin', CI: '1' })
    expect(inside).toEqual([
      ['LD_PRELOAD', 'x'],
      ['GCONV_PATH', 'y'],
    ])
  })
})
