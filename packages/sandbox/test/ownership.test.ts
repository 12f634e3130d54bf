/** What the server gives to a run's user is what it made, whatever has taken its name since. */
import type * as fs from 'node:fs'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRoot, ordinaryUser } from '@millrace/test-support/workspace'
import { expect, it, onTestFinished, vi } from 'vitest'
import { giveDirectory, giveFile } from '#ownership'
import { Placeholders } from '#protect/placeholders'

const made = vi.hoisted(() => ({ onDirectory: (_path: string): void => {} }))
vi.mock('node:fs', async (original) => {
  const real = await original<typeof fs>()
  return {
    ...real,
    mkdirSync(...args: Parameters<typeof real.mkdirSync>) {
      const result = real.mkdirSync(...args)
      made.onDirectory(String(args[0]))
      return result
    },
  }
})

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-ownership-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

// Failed before: the directory outside became the project owner's.
it.runIf(isRoot)('a placeholder that a process replaces by a link gives nothing else away', () => {
  const directory = temporaryDirectory()
  const [outside, path] = [join(directory, 'outside'), join(directory, 'hooks')]
  mkdirSync(outside)
  made.onDirectory = (name) => {
    if (name !== path) return
    rmdirSync(path)
    symlinkSync(outside, path)
  }
  const release = new Placeholders(join(directory, 'journal')).hold(
    [{ path, kind: 'directory', content: '' }],
    ordinaryUser,
  )
  made.onDirectory = () => {}
  release()
  expect(statSync(outside).uid).toBe(0)
})

it.runIf(isRoot)('only a real directory, or a real file, changes hands', () => {
  const directory = temporaryDirectory()
  const [outside, link] = [join(directory, 'outside'), join(directory, 'link')]
  mkdirSync(outside)
  symlinkSync(outside, link)
  expect(() => giveDirectory(link, ordinaryUser)).toThrow(/ELOOP|ENOTDIR/)
  expect(() => giveFile(link, ordinaryUser)).toThrow(/ELOOP/)
  expect(statSync(outside).uid).toBe(0)
  giveDirectory(outside, ordinaryUser)
  expect(statSync(outside).uid).toBe(ordinaryUser.uid)
})

it('no source of the sandbox, and none of the server, changes an owner by following a name', () => {
  const roots = [new URL('../src/', import.meta.url), new URL('../../server/src/', import.meta.url)]
  const offenders = roots.flatMap((root) =>
    readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .filter((file) => /(?<![lf])chown(?:Sync)?\(/.test(readFileSync(new URL(file, root), 'utf8'))),
  )
  expect(offenders).toEqual([])
})
