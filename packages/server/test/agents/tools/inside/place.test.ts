/** A path that is changed while it is being written, at every moment there is: before each call of the file system. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { run as edit } from '#agents/tools/inside/edit'
import { run as write } from '#agents/tools/inside/write'

const hook = vi.hoisted(() => ({ before: null as (() => void) | null }))
vi.mock('node:fs', async (importOriginal) => {
  const real = await importOriginal<Record<string, unknown>>()
  const hooked = Object.entries(real).map(([name, value]) => {
    if (typeof value !== 'function' || !name.endsWith('Sync')) return [name, value]
    const call = (...args: unknown[]) => {
      const act = hook.before
      hook.before = null
      act?.()
      hook.before ??= act
      return value(...args)
    }
    return [name, call]
  })
  return Object.fromEntries(hooked)
})

const root = realpathSync(mkdtempSync('/var/tmp/millrace-place-'))
const project = join(root, 'project')
const outside = join(root, 'outside')
/** More than any call makes. */
const callsMax = 45

beforeEach(() => {
  for (const directory of [project, outside]) rmSync(directory, { recursive: true, force: true })
  mkdirSync(join(project, 'a/b'), { recursive: true })
  mkdirSync(join(outside, 'b'), { recursive: true })
  writeFileSync(join(project, 'a/b/file'), 'inside')
  for (const path of ['file', 'b/file']) writeFileSync(join(outside, path), 'secret, and its rest')
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

const swaps: Record<string, () => void> = {
  'the file becomes a link': () => {
    rmSync(join(project, 'a/b/file'), { force: true })
    symlinkSync(join(outside, 'file'), join(project, 'a/b/file'))
  },
  'its directory becomes a link': () => {
    renameSync(join(project, 'a/b'), join(project, 'b-aside'))
    symlinkSync(outside, join(project, 'a/b'))
  },
  'a directory above becomes a link': () => {
    renameSync(join(project, 'a'), join(project, 'a-aside'))
    symlinkSync(outside, join(project, 'a'))
  },
  'its directory moves away': () => renameSync(join(project, 'a/b'), join(outside, 'moved')),
}

/** Runs the action with the swap before its n-th call of the file system, and returns what it answered. */
function swapBefore(count: number, swap: () => void, action: () => unknown): string {
  let left = count
  hook.before = () => {
    left -= 1
    if (left === 0) swap()
  }
  try {
    return JSON.stringify(action())
  } catch (error) {
    return String(error)
  } finally {
    hook.before = null
  }
}

/** Without the directory that was moved there: what is written to it goes where it is. */
function outsideNow(): string {
  return contentsOf(outside, (path) => !path.startsWith(join(outside, 'moved/')))
}

/** The files below a directory with their content. What links lead to is left out. */
function contentsOf(directory: string, wanted = (_path: string) => true): string {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && realpathSync(entry.parentPath) === entry.parentPath)
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter(wanted)
    .sort()
    .map((path) => `${path}: ${readFileSync(path, 'utf8')}`)
    .join('\n')
}

const actions: Record<string, () => unknown> = {
  'a write to a file': () =>
    write({ path: join(project, 'a/b/file'), content: 'escaped', projectPath: project }),
  'a write that creates directories': () =>
    write({ path: join(project, 'a/b/c/d/new'), content: 'escaped', projectPath: project }),
  'an edit': () =>
    edit({
      path: join(project, 'a/b/file'),
      oldText: 'secret',
      newText: 'escaped',
      replaceAll: true,
      projectPath: project,
    }),
}

describe.each(Object.keys(swaps))('when %s', (swapName) => {
  it.each(Object.keys(actions))(
    '%s changes nothing outside the project, and brings nothing in',
    (actionName) => {
      const untouched = outsideNow()
      for (let count = 1; count <= callsMax; count += 1) {
        for (const directory of [project, join(outside, 'moved')])
          rmSync(directory, { recursive: true, force: true })
        mkdirSync(join(project, 'a/b'), { recursive: true })
        writeFileSync(join(project, 'a/b/file'), 'inside')
        const result = swapBefore(count, swaps[swapName] ?? (() => {}), actions[actionName] ?? (() => {}))
        expect(outsideNow(), `before call ${count}`).toBe(untouched)
        expect(result).not.toContain('secret')
        expect(contentsOf(project), `before call ${count}`).not.toContain('its rest')
      }
    },
  )
})

it('an edit loses no change that another program makes meanwhile, except in the moment of its last step', () => {
  const path = join(project, 'a/b/file')
  const change = () => writeFileSync(path, 'inside, and changed')
  const edited = () =>
    edit({ path, oldText: 'inside', newText: 'edited', replaceAll: true, projectPath: project })
  let [lost, refused] = [0, 0]
  for (let count = 1; count <= callsMax; count += 1) {
    rmSync(path, { force: true })
    writeFileSync(path, 'inside')
    let isChanged = false
    const result = swapBefore(
      count,
      () => {
        change()
        isChanged = true
      },
      edited,
    )
    if (isChanged && !readFileSync(path, 'utf8').includes('and changed')) lost += 1
    if (result.includes('was changed by another program')) refused += 1
    expect(readdirSync(join(project, 'a/b')), 'no other file is left').toEqual(['file'])
  }
  expect(lost).toBeLessThanOrEqual(1)
  expect(refused).toBeGreaterThan(3)
})
