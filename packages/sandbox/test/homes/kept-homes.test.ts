import { randomUUID } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Workspace } from '@millrace/test-support/workspace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type KeptHomes, ServerHomes } from '#homes/kept-homes'
import type { OpenSandbox } from '#sandbox'

const workspace = new Workspace()
const mine = workspace.project('mine')
const theirs = workspace.project('theirs', 'somebody')
let contained: OpenSandbox
let loose: OpenSandbox

beforeAll(async () => {
  contained = await workspace.open([mine, theirs])
  loose = await workspace.open([mine, theirs], { mode: 'off' })
})
afterAll(() => workspace.close())

function isForgotten(homes: KeptHomes, name: string): boolean {
  homes.forget(name)
  return !homes.has(name)
}

describe.each([
  ['inside bubblewrap', () => contained, mine],
  ['inside bubblewrap, as another user', () => contained, theirs],
  ['without a boundary, as another user', () => loose, theirs],
])('%s', (_name, sandboxOf, project) => {
  const sh = (script: string, keptHome: { name: string; copyOf?: string }, options = {}) =>
    workspace.sh(sandboxOf(), project, script, { keptHome, ...options })

  it('a run that resumes another finds its home as it was, and what it changes stays its own', async () => {
    const [first, second, third] = [randomUUID(), randomUUID(), randomUUID()]
    const homeFiles = new Map([['.agent/settings', 'given']])
    const one = await sh(
      'cat ~/.agent/settings; echo said > ~/.agent/talk; ln -s /etc/passwd ~/link',
      { name: first },
      { homeFiles },
    )
    expect(one).toMatchObject({ stdout: 'given', stderr: '' })
    const two = await sh(
      'cat ~/.agent/talk; readlink ~/link; echo more >> ~/.agent/talk',
      { name: second, copyOf: first },
      { homeFiles },
    )
    expect(two).toMatchObject({ stdout: 'said\n/etc/passwd\n', stderr: '' })
    const three = await sh('cat ~/.agent/talk; stat -c %u ~/.agent/talk; id -u', {
      name: third,
      copyOf: first,
    })
    const [text, owner, self] = three.stdout.split('\n')
    expect([text, owner]).toEqual(['said', self])
  })

  it('a home that was forgotten, or was never kept, cannot be resumed', async () => {
    const [gone, next] = [randomUUID(), randomUUID()]
    await sh('touch ~/x', { name: gone })
    const { homes } = sandboxOf()
    await expect.poll(() => isForgotten(homes, gone)).toBe(true)
    await expect(sh('true', { name: next, copyOf: gone })).rejects.toMatchObject({ code: 'not_resumable' })
    expect(homes.list()).not.toContain(gone)
    expect(homes.has(next)).toBe(false)
  })
})

describe('the homes of a server', () => {
  const place = (name: string) => {
    const dataDir = workspace.project(name)
    const user = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, become: [] }
    return { dataDir, user, homes: new ServerHomes(dataDir, join(dataDir, 'others'), 4096 * 10) }
  }

  it('a home above the bound is gone once its run is over, one below it stays', async () => {
    const { homes, user } = place('bounded')
    const [small, large] = [
      await homes.hold({ name: 'small' }, user, []),
      await homes.hold({ name: 'large' }, user, []),
    ]
    writeFileSync(join(small.path, 'file'), 'x')
    writeFileSync(join(large.path, 'file'), Buffer.alloc(4096 * 20, 1))
    small.release()
    large.release()
    await expect.poll(() => homes.list()).toEqual(['small'])
  })

  it('a home in use is not forgotten', async () => {
    const { homes, user } = place('in-use')
    const { path, release } = await homes.hold({ name: 'used' }, user, [])
    homes.forget('used')
    expect(existsSync(path)).toBe(true)
    release()
    await expect.poll(() => isForgotten(homes, 'used')).toBe(true)
  })

  it('no name leads out of the directory, and a link in a home is copied as a link', async () => {
    const { homes, user, dataDir } = place('names')
    writeFileSync(join(dataDir, 'secret'), 'secret')
    for (const name of ['../secret', 'a/b', '.trash-x', '']) {
      await expect(homes.hold({ name }, user, [])).rejects.toMatchObject({ code: 'invalid_request' })
      await expect(homes.hold({ name: 'ok', copyOf: name }, user, [])).rejects.toMatchObject({
        code: 'invalid_request',
      })
      homes.forget(name)
    }
    const first = await homes.hold({ name: 'first' }, user, [])
    symlinkSync(join(dataDir, 'secret'), join(first.path, 'link'))
    const second = await homes.hold({ name: 'second', copyOf: 'first' }, user, [])
    writeFileSync(join(dataDir, 'secret'), 'changed')
    expect(readFileSync(join(second.path, 'link'), 'utf8')).toBe('changed')
    expect(readdirSync(second.path, { withFileTypes: true })[0]?.isSymbolicLink()).toBe(true)
  })
})
