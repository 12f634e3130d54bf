import { join } from 'node:path'
import { Workspace } from '@millrace/test-support/workspace'
import { afterAll, expect, it } from 'vitest'
import { Quarantine } from '#protect/quarantine'

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
