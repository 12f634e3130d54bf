import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { isRoot, ordinaryUser, Workspace } from '@millrace/test-support/workspace'
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { WatchedName } from '#protect/name-watcher'
import { Placeholders } from '#protect/placeholders'
import { Quarantine, type TakenAway } from '#protect/quarantine'

const workspace = new Workspace()
const project = workspace.project('project')
afterAll(() => workspace.close())

it('a name stays watched while any process of its run is active, whichever of them end', () => {
  const quarantine = new Quarantine(workspace.dataDir)
  const watch = (name: string) =>
    quarantine.watch('one run', [{ path: join(project, name), kind: 'settings' }], {
      taken: () => {},
      insisted: () => {},
    })
  const isWatched = (name: string) => quarantine.isWatched(join(project, name))
  const [first, second, third] = ['first', 'second', 'third'].map(watch)
  second?.finish()
  const fourth = watch('fourth')
  expect(['first', 'second', 'third', 'fourth'].map(isWatched)).toEqual([true, false, true, true])
  fourth.finish()
  expect(isWatched('third')).toBe(true)
  for (const process of [first, third]) process?.finish()
  expect(['first', 'third', 'fourth'].map(isWatched)).toEqual([false, false, false])
})

/** Takes away what a run made under a name. */
function takenFrom(
  quarantine: Quarantine,
  runId: string,
  path: string,
  kind: WatchedName['kind'] = 'settings',
): TakenAway[] {
  const taken: TakenAway[] = []
  const on = { taken: (one: TakenAway) => void taken.push(one), insisted: () => {} }
  quarantine.watch(runId, [{ path, kind }], on).finish()
  return taken
}

it('what was taken away from a run is forgotten with it, and nothing else is', () => {
  const quarantine = new Quarantine(workspace.dataDir)
  const path = join(project, '.mcp.json')
  for (const run of ['run-1', 'run-2']) {
    writeFileSync(path, run)
    expect(takenFrom(quarantine, run, path)).toHaveLength(1)
  }
  expect(quarantine.list().sort()).toEqual(['run-1', 'run-2'])
  quarantine.forget('run-1')
  quarantine.forget('../quarantine')
  quarantine.forget('..')
  expect(quarantine.list()).toEqual(['run-2'])
  expect(readFileSync(join(workspace.dataDir, 'quarantine/run-2/.mcp.json'), 'utf8')).toBe('run-2')
})

const isElsewhere = existsSync('/dev/shm') && statfsSync('/dev/shm').type !== statfsSync(workspace.root).type

it.runIf(isElsewhere)(
  'much on another file system is renamed there and not copied into the data directory',
  () => {
    const elsewhere = mkdtempSync('/dev/shm/millrace-test-')
    onTestFinished(() => rmSync(elsewhere, { recursive: true }))
    const quarantine = new Quarantine(workspace.dataDir)
    const path = join(elsewhere, '.claude')
    mkdirSync(path)
    writeFileSync(join(path, 'settings.json'), '{}')
    expect(takenFrom(quarantine, 'small', path)).toEqual([
      { path, keptAt: join(workspace.dataDir, 'quarantine/small/.claude') },
    ])
    // A hole takes no room until somebody copies it.
    writeFileSync(path, '')
    truncateSync(path, 1024 ** 4)
    const [taken] = takenFrom(quarantine, 'large', path)
    expect(taken?.keptAt).toMatch(/^\/dev\/shm\/millrace-test-[^/]+\/\.\.claude\.millrace-/)
    expect(existsSync(path)).toBe(false)
    expect(existsSync(taken?.keptAt ?? '')).toBe(true)
  },
)

it.runIf(isElsewhere)('what cannot be copied to another file system stays beside its name', () => {
  const elsewhere = mkdtempSync('/dev/shm/millrace-test-')
  onTestFinished(() => rmSync(elsewhere, { recursive: true }))
  const path = join(elsewhere, '.claude')
  mkdirSync(path)
  execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', join(path, 'pipe')])
  const [taken] = takenFrom(new Quarantine(workspace.dataDir), 'pipe', path)
  expect(dirname(taken?.keptAt ?? '')).toBe(elsewhere)
  expect(readdirSync(join(workspace.dataDir, 'quarantine/pipe'))).toEqual([])
  expect(existsSync(path)).toBe(false)
})

/** A server that is not root, and whose runs are the same user: they can take permissions away from it. */
describe('a server of an ordinary user', () => {
  function asOrdinaryUser(): { dataDir: string; project: string } {
    const home = mkdtempSync(join(workspace.root, 'ordinary-'))
    const [dataDir, project] = [join(home, 'data'), join(home, 'project')]
    for (const directory of [dataDir, project]) mkdirSync(directory)
    if (isRoot) {
      for (const path of [home, dataDir, project]) chownSync(path, ordinaryUser.uid, ordinaryUser.gid)
      process.seteuid?.(ordinaryUser.uid)
      const uid = vi.spyOn(process, 'getuid').mockReturnValue(ordinaryUser.uid)
      onTestFinished(() => {
        process.seteuid?.(0)
        uid.mockRestore()
      })
    }
    return { dataDir, project }
  }

  it.each<[string, WatchedName['kind'], string, (path: string, project: string) => void]>([
    [
      'a directory of settings that nobody may write',
      'settings',
      '.claude',
      (path) => {
        mkdirSync(path)
        writeFileSync(join(path, 'settings.json'), 'evil')
        chmodSync(path, 0o555)
      },
    ],
    [
      'a directory of settings that nobody may enter',
      'settings',
      '.claude',
      (path) => {
        mkdirSync(path)
        chmodSync(path, 0)
      },
    ],
    [
      'settings in a project that nobody may write',
      'settings',
      '.mcp.json',
      (path, project) => {
        writeFileSync(path, 'evil')
        chmodSync(project, 0o555)
      },
    ],
    [
      'settings in a project that nobody may enter',
      'settings',
      '.mcp.json',
      (path, project) => {
        writeFileSync(path, 'evil')
        chmodSync(project, 0)
      },
    ],
    [
      'a repository that nobody may enter',
      'repository',
      '.git',
      (path) => {
        mkdirSync(path)
        writeFileSync(join(path, 'config'), 'evil')
        chmodSync(path, 0)
      },
    ],
    [
      'a rebase in a repository that nobody may enter',
      'operation',
      '.git/rebase-merge',
      (path) => {
        mkdirSync(path, { recursive: true })
        writeFileSync(join(path, 'git-rebase-todo'), 'exec evil')
        chmodSync(path, 0o555)
        chmodSync(dirname(path), 0)
      },
    ],
  ])('takes away %s', (_what, kind, name, plant) => {
    const { dataDir, project } = asOrdinaryUser()
    const path = join(project, name)
    plant(path, project)
    const [taken] = takenFrom(new Quarantine(dataDir), 'run', path, kind)
    expect(taken?.keptAt).toBe(join(dataDir, 'quarantine/run', name.split('/').at(-1) ?? ''))
    expect(existsSync(path)).toBe(false)
    expect(existsSync(taken?.keptAt ?? '')).toBe(true)
  })

  it('removes its stand-ins from a repository that nobody may write or enter', () => {
    const { dataDir, project } = asOrdinaryUser()
    for (const mode of [0o555, 0]) {
      const placeholders = new Placeholders(join(dataDir, 'placeholders.json'))
      const path = join(project, 'commondir')
      const release = placeholders.hold([{ path, kind: 'file', content: '.\n' }], ordinaryUser)
      expect(existsSync(path)).toBe(true)
      chmodSync(project, mode)
      release()
      expect(existsSync(join(dataDir, 'placeholders.json'))).toBe(false)
      expect(readdirSync(project)).toEqual([])
    }
  })

  it('names what it could not move, ends the run, and tries again at the next start', () => {
    const { dataDir, project } = asOrdinaryUser()
    const path = join(project, '.mcp.json')
    const reports: TakenAway[] = []
    const insisted = vi.fn()
    const on = { taken: (one: TakenAway) => void reports.push(one), insisted }
    const run = new Quarantine(dataDir).watch('run', [{ path, kind: 'settings' }], on)
    writeFileSync(path, 'evil')
    const restore = isRoot ? giveToRoot(project) : null
    run.finish()
    if (restore === null) return
    expect(reports).toEqual([{ path, keptAt: path }])
    expect(insisted).toHaveBeenCalled()
    expect(new Quarantine(dataDir).recover()).toEqual([{ path, keptAt: path }])
    restore()
    expect(new Quarantine(dataDir).recover()).toEqual([
      { path, keptAt: join(dataDir, 'quarantine/run/.mcp.json') },
    ])
    expect(new Quarantine(dataDir).recover()).toEqual([])
  })
})

/** Another user's directory, which an ordinary one cannot get back. */
function giveToRoot(directory: string): () => void {
  const own = (uid: number) => {
    process.seteuid?.(0)
    chownSync(directory, uid, uid)
    process.seteuid?.(ordinaryUser.uid)
  }
  own(0)
  return () => own(ordinaryUser.uid)
}

it('a directory of a repository that is a link to itself makes none', () => {
  const path = join(workspace.project('loop'), 'refs')
  symlinkSync('refs', path)
  for (const name of ['HEAD', 'objects']) mkdirSync(join(dirname(path), name))
  expect(takenFrom(new Quarantine(workspace.dataDir), 'loop', path, 'bare')).toEqual([])
})

it('a configuration that is a pipe is taken away and does not stop the server', () => {
  const path = join(workspace.project('pipe'), '.git')
  mkdirSync(path)
  execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', join(path, 'config')])
  expect(takenFrom(new Quarantine(workspace.dataDir), 'pipe-config', path, 'repository')).toHaveLength(1)
})
