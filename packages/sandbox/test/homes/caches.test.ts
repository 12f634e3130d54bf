import { chmodSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isRoot, ordinaryUser, Workspace } from '@millrace/test-support/workspace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Caches } from '#homes/caches'
import type { Sandbox } from '#sandbox'

const workspace = new Workspace()
afterAll(() => workspace.close())

const othersDirectory = join(workspace.root, 'caches')
const ownDirectory = join(workspace.dataDir, 'cache')

describe('caches of tools', () => {
  const project = workspace.project('project')
  const other = workspace.project('other')
  const theirs = workspace.project('theirs', 'somebody')
  let sandbox: Sandbox
  beforeAll(async () => {
    sandbox = await workspace.open([project, other, theirs], {
      cache: { othersDirectory, bytesMax: 2 ** 30 },
    })
  })
  const sh = (at: string, cacheOwner: string | undefined, script: string) =>
    workspace.sh(sandbox, at, script, cacheOwner === undefined ? {} : { cacheOwner })

  it.each([
    ['pip, Go and Playwright', '.cache/x'],
    ['npm', '.npm/_cacache/x'],
    ['Go modules', 'go/pkg/mod/x'],
    ['Cargo', '.cargo/registry/x'],
    ['Maven', '.m2/repository/x'],
    ['Gradle', '.gradle/caches/x'],
    ['pnpm', '.local/share/pnpm/store/x'],
  ])('of %s last from one run of an owner to the next', async (_tool, path) => {
    const wrote = await sh(project, 'ada', `echo kept > ~/${path}`)
    expect(wrote.exit.code).toBe(0)
    expect((await sh(project, 'ada', `cat ~/${path}`)).stdout).toBe('kept\n')
  })

  it('are those of one owner in one project', async () => {
    await sh(project, 'ada', 'echo poison > ~/.cache/shared')
    for (const [at, owner] of [
      [project, 'eve'],
      [other, 'ada'],
      [theirs, 'ada'],
      [project, undefined],
    ] as const)
      expect((await sh(at, owner, 'ls ~/.cache 2>/dev/null; true')).stdout).toBe('')
  })

  it('cannot be reached from a run without them, or by their place on the host', async () => {
    for (const at of [project, theirs])
      for (const directory of [ownDirectory, othersDirectory])
        expect((await sh(at, 'eve', `ls ${directory} ${directory}/* 2>/dev/null; true`)).stdout).toBe('')
  })

  it('leave no directory where no run has used one', async () => {
    const dataDir = workspace.project('unused-data')
    const opened = await workspace.open([project], { dataDir, cache: { bytesMax: 2 ** 30 } })
    await workspace.sh(opened, project, 'true')
    expect(readdirSync(dataDir)).not.toContain('cache')
  })

  it('hold no settings: those of a tool end with the run', async () => {
    const wrote = await sh(
      project,
      'ada',
      'mkdir -p ~/.config && for f in .npmrc .cargo/config.toml .m2/settings.xml .gradle/init.gradle .config/x .gitconfig; do echo evil > ~/$f; done',
    )
    expect(wrote).toMatchObject({ stderr: '', exit: { code: 0 } })
    const { stdout } = await sh(
      project,
      'ada',
      'cd; cat .npmrc .cargo/config.toml .m2/settings.xml .gradle/init.gradle .config/x .gitconfig 2>/dev/null; true',
    )
    expect(stdout).toBe('')
  })

  it('belong to the user of the run', async () => {
    const { exit } = await sh(theirs, 'ada', 'echo x > ~/.cache/mine')
    expect(exit.code).toBe(0)
    const directory = isRoot ? othersDirectory : ownDirectory
    const owners = readdirSync(directory).map((name) => statSync(join(directory, name)))
    if (isRoot) expect(new Set(owners.map(({ uid }) => uid))).toEqual(new Set([ordinaryUser.uid]))
    for (const { mode } of owners) expect(mode & 0o077).toBe(0)
  })
})

describe('the quota of caches', () => {
  const mine = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  const bytes = (count: number) => 'x'.repeat(count)
  const place = (name: string) => join(workspace.root, name)

  async function fill(caches: Caches, owner: string, count: number) {
    const use = caches.use({ projectPath: '/p', owner }, mine)
    const at = use.mounts[0]?.from ?? ''
    const { writeFileSync } = await import('node:fs')
    writeFileSync(join(at, 'file'), bytes(count))
    mkdirSync(join(at, 'closed', 'deep'), { recursive: true })
    chmodSync(join(at, 'closed'), 0o555)
    return { use, at }
  }

  it('takes away those that were used longest ago, and none that a run uses', async () => {
    const caches = new Caches({ directory: place('quota'), bytesMax: 250_000 })
    const used = await fill(caches, 'old and in use', 100_000)
    const left: string[] = []
    for (const owner of ['a', 'b', 'c']) {
      const { use, at } = await fill(caches, owner, 100_000)
      left.push(at)
      use.release()
      await caches.settled()
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    expect(left.map((at) => existsSync(at))).toEqual([false, false, true])
    expect(existsSync(used.at)).toBe(true)
    used.use.release()
    await caches.close()
  })

  it('takes away one that alone is too large, also when a server opens with it', async () => {
    const directory = place('large')
    const first = new Caches({ directory, bytesMax: 2 ** 30 })
    const { use, at } = await fill(first, 'a', 500_000)
    use.release()
    await first.close()
    expect(existsSync(at)).toBe(true)
    const second = new Caches({ directory, bytesMax: 100_000 })
    await second.settled()
    expect(readdirSync(directory)).toEqual([])
    await second.close()
  })
})

describe('the in-memory directories of a run', () => {
  it('have the sizes that the configuration says', async () => {
    const project = workspace.project('sized')
    const sizes = { temporaryBytes: 64 * 1024 ** 2, homeBytes: 32 * 1024 ** 2 }
    const sandbox = await workspace.open([project], { sizes })
    const { stdout } = await workspace.sh(sandbox, project, 'df --output=size -B1M /tmp ~ | tail -n 2')
    expect(stdout.split('\n').map(Number)).toEqual([64, 32, 0])
  })
})
