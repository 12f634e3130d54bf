import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { Workspace } from '@millrace/test-support/workspace'
import { afterAll, expect, it, onTestFinished } from 'vitest'
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
function takenFrom(quarantine: Quarantine, runId: string, path: string): TakenAway[] {
  const taken: TakenAway[] = []
  const on = { taken: (one: TakenAway) => void taken.push(one), insisted: () => {} }
  quarantine.watch(runId, [{ path, kind: 'settings' }], on).finish()
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
