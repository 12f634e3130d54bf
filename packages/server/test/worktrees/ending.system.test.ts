import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '@millrace/test-support/until'
import { git } from '@millrace/test-support/workspace'
import { describe, expect, it } from 'vitest'
import { Registry } from '#worktrees/registry'
import { ada, only, worktreeRig } from './support/rig.ts'

const { hold, open, repository, workspace } = worktreeRig()
const dayMs = 86_400_000

describe('merging a worktree', () => {
  it('brings its work into the project’s branch, and removes it with its branch', async () => {
    const project = repository('merging')
    const worktrees = open([project])
    const held = await hold(worktrees, project)
    writeFileSync(join(held.path, 'made'), 'x')
    const { id, branch } = await only(worktrees, project.id)
    await expect(worktrees.merge(id, ada)).rejects.toMatchObject({ code: 'run_open' })
    await expect(worktrees.discard(id, ada)).rejects.toMatchObject({ code: 'run_open' })
    held.release()
    writeFileSync(join(project.path, 'people'), 'edit too')
    await expect(open([project], { busy: true }).merge(id, ada)).rejects.toMatchObject({
      code: 'project_busy',
    })
    const parked = open([project], { waiting: [branch], now: () => Date.now() + 99 * dayMs })
    expect(await parked.get(id, ada)).toMatchObject({ run: 'a parked run' })
    await expect(parked.merge(id, ada)).rejects.toMatchObject({ code: 'run_open' })
    await parked.sweep({ days: 7, unmergedDays: 7 })
    expect(existsSync(held.path)).toBe(true)
    const merged = await worktrees.merge(id, ada, { message: 'Make it' })
    expect(merged).toEqual({
      commit: git(project.path, 'rev-parse', 'HEAD').trim(),
      commits: 1,
      into: 'main',
      removed: true,
    })
    expect(git(project.path, 'log', '-1', '--format=%s')).toBe('Make it\n')
    expect(git(project.path, 'status', '--porcelain')).toBe('?? people\n')
    expect([
      git(project.path, 'branch', '--list', branch),
      existsSync(held.path),
      await worktrees.list(ada, project.id),
    ]).toEqual(['', false, []])
  })

  it('says so where the worktree cannot be removed afterwards: the merge stands', async () => {
    const project = repository('stuck')
    const registry = new Registry(workspace.dataDir)
    const worktrees = open([project], { registry })
    const held = await hold(worktrees, project)
    writeFileSync(join(held.path, 'made'), 'x')
    held.release()
    registry.remove = () => {
      throw new Error('no space left on the disk')
    }
    const { id } = await only(worktrees, project.id)
    expect(await worktrees.merge(id, ada)).toMatchObject({ into: 'main', removed: false })
    expect(existsSync(join(project.path, 'made'))).toBe(true)
  })

  it.each([
    ['by moving its branch on', false],
    ['by a commit of its own', true],
  ])('that cannot write a file leaves the project as it was, %s', async (how, advances) => {
    const project = repository(`locked-${advances}`)
    const file = (name: string) => join(project.path, name)
    mkdirSync(file('locked'))
    for (const name of ['a', 'locked/b', 'z']) writeFileSync(file(name), 'before\n')
    git(project.path, 'add', '.')
    git(project.path, 'commit', '--quiet', '-m', 'more')
    const worktrees = open([project])
    const held = await hold(worktrees, project)
    for (const name of ['a', 'added', 'locked/b', 'z']) writeFileSync(join(held.path, name), 'after\n')
    held.release()
    if (advances) {
      writeFileSync(file('other'), 'theirs\n')
      git(project.path, 'add', '.')
      git(project.path, 'commit', '--quiet', '-m', how)
    }
    writeFileSync(file('staged'), 'staged\n')
    if (!advances) git(project.path, 'add', 'staged')
    const before = git(project.path, 'status', '--porcelain')
    const head = git(project.path, 'rev-parse', 'HEAD')
    chmodSync(file('locked'), 0o555)
    const { id } = await only(worktrees, project.id)
    await expect(worktrees.merge(id, ada)).rejects.toMatchObject({ code: 'not_mergeable' })
    expect(git(project.path, 'status', '--porcelain')).toBe(before)
    expect(git(project.path, 'rev-parse', 'HEAD')).toBe(head)
    for (const name of ['a', 'locked/b', 'z']) expect(readFileSync(file(name), 'utf8')).toBe('before\n')
    expect(existsSync(file('added'))).toBe(false)
    chmodSync(file('locked'), 0o755)
    expect(await worktrees.merge(id, ada)).toMatchObject({ into: 'main' })
    expect(readFileSync(file('z'), 'utf8')).toBe('after\n')
  })

  it('that changes hooks of the project is refused, wherever its configuration puts them', async () => {
    const project = repository('hooks')
    const worktrees = open([project])
    git(project.path, 'config', 'core.hooksPath', './tools/hooks')
    const held = await hold(worktrees, project)
    mkdirSync(join(held.path, 'tools/hooks'), { recursive: true })
    writeFileSync(join(held.path, 'tools/hooks/pre-commit'), '#!/bin/sh\n')
    held.release()
    const { id } = await only(worktrees, project.id)
    await expect(worktrees.merge(id, ada)).rejects.toThrow('changes tools/hooks/pre-commit, which no run may')
  })

  it('that conflicts names the files and leaves project and worktree as they were', async () => {
    const project = repository('conflict')
    const worktrees = open([project])
    const held = await hold(worktrees, project)
    writeFileSync(join(held.path, 'README'), 'one\ntheirs\nthree\n')
    held.release()
    writeFileSync(join(project.path, 'README'), 'one\nours\nthree\n')
    git(project.path, 'commit', '--quiet', '--all', '-m', 'ours')
    writeFileSync(join(project.path, 'README'), 'one\nours\nand not committed\n')
    const before = [git(project.path, 'rev-parse', 'HEAD'), git(project.path, 'diff')]
    const { id } = await only(worktrees, project.id)
    await expect(worktrees.merge(id, ada)).rejects.toMatchObject({
      code: 'not_mergeable',
      message: expect.stringContaining('main and it changed the same lines of README; nothing was changed'),
      details: { files: ['README'] },
    })
    expect([git(project.path, 'rev-parse', 'HEAD'), git(project.path, 'diff')]).toEqual(before)
    expect(existsSync(join(project.path, '.git/MERGE_HEAD'))).toBe(false)
    expect((await only(worktrees, project.id)).state).toEqual({ uncommitted: 0, ahead: 1, behind: 1 })
  })

  it.each([
    [
      'what is not committed is in the way',
      (path: string) => writeFileSync(join(path, 'README'), 'mine\n'),
      'README',
      /overwritten/,
    ],
    [
      'the project is on no branch',
      (path: string) => git(path, 'checkout', '--quiet', '--detach'),
      'made',
      /on no branch/,
    ],
    ['it changes what no run may write', () => {}, '.mcp.json', /changes .mcp.json, which no run may write/],
    ['it changes settings of agents', () => {}, '.claude/settings.json', /changes .claude\/settings.json/],
  ])('is refused where %s, and the project is as it was', async (what, prepare, file, words) => {
    const project = repository(what.replaceAll(/\W/g, '-'))
    const worktrees = open([project])
    const held = await hold(worktrees, project)
    mkdirSync(join(held.path, file, '..'), { recursive: true })
    writeFileSync(join(held.path, file), 'theirs\n')
    // As plumbing would: no run can write these names, and one may commit them.
    git(held.path, 'add', '--force', '.')
    git(held.path, 'commit', '--quiet', '-m', 'theirs')
    held.release()
    prepare(project.path)
    const before = [
      git(project.path, 'rev-parse', 'HEAD'),
      git(project.path, 'status', '--porcelain'),
      git(project.path, 'diff'),
    ]
    const { id } = await only(worktrees, project.id)
    await expect(worktrees.merge(id, ada)).rejects.toMatchObject({
      code: 'not_mergeable',
      message: expect.stringMatching(words),
    })
    expect([
      git(project.path, 'rev-parse', 'HEAD'),
      git(project.path, 'status', '--porcelain'),
      git(project.path, 'diff'),
    ]).toEqual(before)
    expect(await worktrees.list(ada, project.id)).toHaveLength(1)
  })

  it('is refused where it changes the repository outside of the project, which is as it was', async () => {
    const root = repository('whole')
    mkdirSync(join(root.path, 'one'))
    writeFileSync(join(root.path, 'one/a'), 'ours\n')
    git(root.path, 'add', '.')
    git(root.path, 'commit', '--quiet', '-m', 'second')
    const project = { id: 'part', path: join(root.path, 'one') }
    const worktrees = open([project])
    const held = await hold(worktrees, project)
    // Seen half merged: git wrote what is in the project, and stopped at what it could not write.
    writeFileSync(join(held.path, 'a'), 'theirs\n')
    mkdirSync(join(held.path, '../two'))
    writeFileSync(join(held.path, '../two/b'), 'theirs\n')
    git(join(held.path, '..'), 'add', '.')
    git(held.path, 'commit', '--quiet', '-m', 'theirs')
    held.release()
    const { id } = await only(worktrees, project.id)
    await expect(worktrees.merge(id, ada)).rejects.toMatchObject({
      code: 'not_mergeable',
      message: expect.stringContaining('it changes two/b, which is not in the project'),
    })
    expect(git(root.path, 'status', '--porcelain')).toBe('')
  })
})

describe('the worktrees of one owner', () => {
  it('are so many at most, and those of others do not count', async () => {
    const project = repository('many')
    const worktrees = open([project], { limits: { perOwner: 2, ownerBytes: 1024 ** 3 } })
    const quinn = await hold(worktrees, project, 'one', 'quinn')
    // Two starts are accepted before either has its tree.
    const late = await worktrees.branchFor(project, true, 'quinn')
    ;(await hold(worktrees, project, 'two', 'quinn')).release()
    quinn.release()
    const refusal = { code: 'quota_exceeded', message: expect.stringContaining('may have 2') }
    await expect(hold(worktrees, project, true, 'quinn')).rejects.toMatchObject(refusal)
    const request = { runId: 'late', attempt: 1, owner: 'quinn', project, branch: late }
    await expect(worktrees.hold(request)).rejects.toMatchObject(refusal)
    ;(await hold(worktrees, project, 'one', 'quinn')).release()
    ;(await hold(worktrees, project, 'three', 'rose')).release()
  })

  it('are so many at most, also when those of several projects are made at once', async () => {
    const projects = ['left', 'right'].map((name) => repository(name))
    const worktrees = open(projects, { limits: { perOwner: 1, ownerBytes: 1024 ** 3 } })
    const made = await Promise.allSettled(projects.map((project) => hold(worktrees, project, true, 'tess')))
    expect(made.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    for (const one of made) if (one.status === 'fulfilled') one.value.release()
  })

  it('take so many bytes at most, by what sessions left in them', async () => {
    const project = repository('heavy')
    const registry = new Registry(workspace.dataDir)
    const worktrees = open([project], { registry, limits: { perOwner: 9, ownerBytes: 2 * 1024 ** 2 } })
    const held = await hold(worktrees, project, 'heavy', 'sam')
    writeFileSync(join(held.path, 'ignored'), 'x'.repeat(3 * 1024 ** 2))
    held.release()
    await until(() => registry.get(held.id)?.bytes !== undefined)
    const refusal = { code: 'quota_exceeded', message: expect.stringContaining('worktrees.ownerBytes') }
    await expect(hold(worktrees, project, 'heavy', 'sam')).rejects.toMatchObject(refusal)
    // A parked run gets its tree again.
    const request = { runId: 'parked', attempt: 2, owner: 'sam', project, branch: 'heavy' }
    ;(await worktrees.hold(request)).release()
    await worktrees.discard(held.id, { user: 'sam', admin: false })
    ;(await hold(worktrees, project, 'heavy', 'sam')).release()
  })
})

describe('worktrees that are left', () => {
  it('by a crash in the middle of their making are removed by the next start; those with work stay', async () => {
    const project = repository('crashed')
    const registry = new Registry(workspace.dataDir)
    const worktrees = open([project])
    const held = await hold(worktrees, project, 'whole')
    const gone = await hold(worktrees, project, 'gone')
    writeFileSync(join(held.path, 'made'), 'x')
    const half = await hold(worktrees, project, 'half')
    for (const { id } of [held, gone, half]
      .map(({ branch }) => new Registry(workspace.dataDir).at(project.id, branch))
      .flatMap((one) => one ?? []))
      expect(registry.get(id)).toBeUndefined()
    const written = new Registry(workspace.dataDir)
    const unfinished = written.at(project.id, 'half')
    if (unfinished === undefined) throw new Error('it is not named')
    written.put({ ...unfinished, ready: false })
    rmSync(gone.path, { recursive: true })
    await open([project]).recover()
    const next = open([project])
    expect((await next.list(ada, project.id)).map(({ branch }) => branch)).toEqual(['whole'])
    expect(existsSync(join(held.path, 'made'))).toBe(true)
    expect(git(project.path, 'worktree', 'list', '--porcelain').match(/^branch .*/gm)).toEqual([
      'branch refs/heads/main',
      'branch refs/heads/whole',
    ])
    expect(git(project.path, 'branch', '--list', 'gone', 'half').trim()).toBe('gone')
  })

  it('unused are removed by retention once nothing in them is unmerged, and else where the rule says so', async () => {
    const project = repository('retained')
    let at = Date.now()
    const lines: string[] = []
    const worktrees = open([project], { now: () => at, lines })
    const held = []
    for (const branch of ['clean', 'dirty', 'ahead', 'kept', 'used'])
      held.push(await hold(worktrees, project, branch))
    const [clean, dirty, ahead, kept, used] = held
    writeFileSync(join(dirty?.path ?? '', 'new'), 'x')
    writeFileSync(join(ahead?.path ?? '', 'new'), 'x')
    git(ahead?.path ?? '', 'add', '.')
    git(ahead?.path ?? '', 'commit', '--quiet', '-m', 'new')
    for (const one of [clean, dirty, ahead, kept]) one?.release()
    await worktrees.keep(kept?.id ?? '', ada)
    const left = async () => (await worktrees.list(ada, project.id)).map(({ branch }) => branch)
    at += 6 * dayMs
    await worktrees.sweep({ days: 7 })
    expect(await left()).toEqual(['clean', 'dirty', 'ahead', 'kept', 'used'])
    at += 2 * dayMs
    await worktrees.sweep({ days: 7 })
    expect(await left()).toEqual(['dirty', 'ahead', 'kept', 'used'])
    await worktrees.sweep({ days: 7, unmergedDays: 8 })
    expect(await left()).toEqual(['kept', 'used'])
    const warned = lines.map((line) => JSON.parse(line)).filter(({ level }) => level === 40)
    expect(warned.map(({ branch, uncommitted, ahead }) => [branch, uncommitted, ahead])).toEqual([
      ['dirty', 1, 0],
      ['ahead', 0, 1],
    ])
    used?.release()
  })

  it('with directories that cannot be written are discarded whole, and no link is followed', async () => {
    const project = repository('discarded')
    const worktrees = open([project])
    const held = await hold(worktrees, project)
    mkdirSync(join(held.path, 'module/deep'), { recursive: true })
    writeFileSync(join(held.path, 'module/deep/file'), 'x')
    symlinkSync(project.path, join(held.path, 'link'))
    for (const name of ['module/deep', 'module']) git(held.path, '-c', `alias.m=!chmod a-w ${name}`, 'm')
    held.release()
    await worktrees.discard(held.id, ada)
    expect([existsSync(held.path), existsSync(join(project.path, 'README'))]).toEqual([false, true])
    expect(git(project.path, 'branch', '--list', held.branch)).toBe('')
  })
})
