import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isRoot, ordinaryUser, Workspace } from '@millrace/test-support/workspace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Sandbox } from '#sandbox'

const workspace = new Workspace()
const mine = workspace.project('mine')
const theirs = workspace.project('theirs', 'somebody')
let contained: Sandbox
let loose: Sandbox

/** A directory with a program in it, outside every project. */
function toolbox(name: string, mode = 0o755): { directory: string; program: string } {
  const directory = workspace.project(name)
  const program = join(directory, 'tool')
  writeFileSync(program, '#!/bin/sh\necho it runs "$@"\n', { mode: 0o755 })
  chmodSync(directory, mode)
  return { directory, program }
}

beforeAll(async () => {
  contained = await workspace.open([mine, theirs])
  loose = await workspace.open([mine, theirs], { mode: 'off' })
})
afterAll(() => workspace.close())

describe.each([
  ['inside bubblewrap', () => contained, mine],
  ['inside bubblewrap, as another user', () => contained, theirs],
  ['without a boundary', () => loose, mine],
  ['without a boundary, as another user', () => loose, theirs],
])('%s', (_name, sandboxOf, project) => {
  it('a run may execute a program that only its own read paths show', async () => {
    const { directory, program } = toolbox('box')
    const readPaths = [directory]
    const { stdout } = await workspace.sh(sandboxOf(), project, `${program} well`, { readPaths })
    expect(stdout).toBe('it runs well\n')
    const child = await workspace.spawn(sandboxOf(), project, [program, 'first'], { readPaths })
    let said = ''
    for await (const chunk of child.stdout) said += String(chunk)
    child.stderr.resume()
    expect(said).toBe('it runs first\n')
    await child.end(0)
  })

  it('a path that does not exist is named', async () => {
    const readPaths = [join(workspace.root, 'nowhere')]
    await expect(workspace.sh(sandboxOf(), project, 'true', { readPaths })).rejects.toMatchObject({
      code: 'sandbox_unavailable',
      message: expect.stringContaining(`${workspace.root}/nowhere, which the run needs, was not found`),
    })
  })

  it.each(['', '/below'])('the data directory%s is refused, also by a link', async (below) => {
    mkdirSync(join(workspace.dataDir, 'below'), { recursive: true })
    const link = join(workspace.root, `link-${below.length}-${project === mine}-${sandboxOf() === loose}`)
    symlinkSync(workspace.dataDir + below, link)
    for (const path of [workspace.dataDir + below, link]) {
      await expect(workspace.sh(sandboxOf(), project, 'true', { readPaths: [path] })).rejects.toMatchObject({
        code: 'sandbox_unavailable',
        message: expect.stringContaining('is in the data directory'),
      })
    }
  })
})

describe.each([
  ['a project of the server’s own user', mine],
  ['a project of somebody else', theirs],
])('inside bubblewrap, in %s', (_name, project) => {
  const sh = (script: string, readPaths: string[]) => workspace.sh(contained, project, script, { readPaths })

  it('a read path can be read and not written, and the next run does not see it', async () => {
    const { directory, program } = toolbox('open', 0o777)
    const script = `cat ${program} | wc -l; (echo x > ${directory}/new) 2>/dev/null || echo kept`
    expect((await sh(script, [directory])).stdout).toBe('2\nkept\n')
    expect((await sh(`ls ${directory} 2>/dev/null`, [])).stdout).toBe('')
  })

  it('a single file can be a read path, and its neighbours stay hidden', async () => {
    const { directory, program } = toolbox('one')
    writeFileSync(join(directory, 'neighbour'), 'x')
    expect((await sh(`ls ${directory}; ${program}`, [program])).stdout).toBe('tool\nit runs\n')
  })

  it('a link is followed: what it leads to is seen where it really is', async () => {
    const { directory, program } = toolbox('real')
    const link = join(workspace.root, `link-${project === mine}`)
    symlinkSync(directory, link)
    expect((await sh(`${program}; ls ${link} 2>/dev/null`, [link])).stdout).toBe('it runs\n')
  })

  it('a read path above the data directory leaves that hidden, and the project writable', async () => {
    writeFileSync(join(workspace.dataDir, 'server.json'), 'secret')
    const { stdout } = await sh(
      `ls -A ${workspace.dataDir}; echo x > file && cat file; ls ${workspace.root}`,
      [workspace.root],
    )
    expect(stdout.split('\n')).toEqual(expect.arrayContaining(['x', 'data', 'mine', 'theirs']))
    expect(stdout).not.toContain('server.json')
  })

  it('a read path inside the project cannot be written by the run', async () => {
    mkdirSync(join(project, 'bin'), { recursive: true })
    const { stdout } = await sh(
      '(echo x > bin/tool) 2>/dev/null || echo kept; echo x > other && echo wrote',
      [join(project, 'bin')],
    )
    expect(stdout).toBe('kept\nwrote\n')
  })
})

describe.runIf(isRoot)('a path that the owner of the project cannot reach', () => {
  it.each([
    ['inside bubblewrap', () => contained],
    ['without a boundary', () => loose],
  ])('is an error that says who is kept out by what (%s)', async (_name, sandboxOf) => {
    const { directory, program } = toolbox('closed', 0o700)
    for (const path of [directory, program]) {
      await expect(workspace.sh(sandboxOf(), theirs, 'true', { readPaths: [path] })).rejects.toMatchObject({
        code: 'sandbox_unavailable',
        message: expect.stringMatching(
          new RegExp(
            `needs ${path}, but it runs as the owner of its project, uid ${ordinaryUser.uid}.*chmod o\\+rx ${directory}\\)`,
          ),
        ),
      })
    }
  })

  it('is none where it is closed to everybody but them', async () => {
    const { directory, program } = toolbox('their-own', 0o700)
    chownSync(directory, ordinaryUser.uid, ordinaryUser.gid)
    const { stdout } = await workspace.sh(contained, theirs, program, { readPaths: [directory] })
    expect(stdout).toBe('it runs\n')
  })
})
