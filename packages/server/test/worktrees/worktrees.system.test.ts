import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { git, isRoot, ordinaryUser } from '@millrace/test-support/workspace'
import { describe, expect, it } from 'vitest'
import { ada, only, worktreeRig } from './support/rig.ts'

const { hold, open, repository, workspace } = worktreeRig()
const bob = { user: 'bob', admin: false }

describe('a worktree of a session', () => {
  it('has the files of the project’s commit, and a branch of its own; the project does not change', async () => {
    const project = repository('made')
    writeFileSync(join(project.path, 'uncommitted'), 'mine')
    rmSync(join(project.path, 'uncommitted'))
    const worktrees = open([project])
    const held = await hold(worktrees, project)
    expect(held.commit).toBe(git(project.path, 'rev-parse', 'HEAD').trim())
    expect(readdirSync(held.path).sort()).toEqual(['.git', '.gitignore', 'README'])
    expect(statSync(held.path).uid).toBe(statSync(project.path).uid)
    expect(statSync(join(held.path, '..')).mode & 0o777).toBe(0o700)
    expect(git(project.path, 'status', '--porcelain')).toBe('')
    expect(git(project.path, 'symbolic-ref', '--short', 'HEAD')).toBe('main\n')
    expect(await only(worktrees, project.id)).toMatchObject({
      branch: held.branch,
      owner: 'ada',
      state: { uncommitted: 0, ahead: 0, behind: 0 },
    })
    held.release()
  })

  it('keeps its files after each turn without touching branch or index, ignored ones excepted', async () => {
    const project = repository('kept')
    const worktrees = open([project])
    const held = await hold(worktrees, project)
    writeFileSync(join(held.path, 'README'), 'one\n2\nthree\n')
    writeFileSync(join(held.path, 'ä "new"\tfile'), 'x\n')
    writeFileSync(join(held.path, 'ignored'), 'secret\n')
    const first = await held.checkpoint()
    rmSync(join(held.path, 'README'))
    const second = await held.checkpoint()
    expect(git(held.path, 'status', '--porcelain', '-z').split('\0').sort()).toEqual([
      '',
      ' D README',
      '?? ä "new"\tfile',
    ])
    expect(git(held.path, 'rev-parse', 'HEAD').trim()).toBe(held.commit)
    const run = { id: 'r', project: project.id }
    const turn = await worktrees.changesOfRun(run, held.commit, first, held.branch)
    expect(turn?.files).toEqual([
      {
        path: 'README',
        status: 'modified',
        additions: 1,
        deletions: 1,
        diff: '@@ -1,3 +1,3 @@\n one\n-two\n+2\n three',
      },
      { path: 'ä "new"\tfile', status: 'added', additions: 1, deletions: 0, diff: '@@ -0,0 +1 @@\n+x' },
    ])
    const later = await worktrees.changesOfRun(run, first, second, held.branch)
    expect(later?.files).toMatchObject([{ path: 'README', status: 'deleted', deletions: 3 }])
    expect(
      (await worktrees.changes((await only(worktrees, project.id)).id, ada)).files.map(({ path }) => path),
    ).toEqual(['README', 'ä "new"\tfile'])
    expect(git(project.path, 'log', '--all', '--format=%s')).toBe('first\n')
    held.release()
  })

  it('keeps the files of each attempt of a run that was parked', async () => {
    const project = repository('attempts')
    const worktrees = open([project])
    const branch = await worktrees.branchFor(project, true, 'ada')
    const kept: string[] = []
    for (const attempt of [1, 2, 3]) {
      const held = await worktrees.hold({ runId: 'run', attempt, owner: 'ada', project, branch })
      writeFileSync(join(held.path, 'made'), `${attempt}`)
      kept.push(await held.checkpoint())
      held.release()
    }
    const { path } = await only(worktrees, project.id)
    const refs = git(path, 'for-each-ref', '--format=%(objectname)', 'refs/worktree/millrace')
    expect(refs.trim().split('\n')).toEqual(expect.arrayContaining(kept))
    expect(new Set(kept).size).toBe(3)
  })

  it('is read by many at once, and a change too long to show is counted and left out', async () => {
    const project = repository('long')
    const worktrees = open([project])
    const held = await hold(worktrees, project)
    writeFileSync(join(held.path, 'a'), 'short\n')
    writeFileSync(join(held.path, 'b'), `${'x'.repeat(99)}\n`.repeat(180_000))
    writeFileSync(join(held.path, 'c'), 'never reached\n')
    const { id } = await only(worktrees, project.id)
    const run = { id: 'r', project: project.id }
    const read = await Promise.all([
      worktrees.changes(id, ada),
      worktrees.changes(id, ada),
      worktrees.changesOfRun(run, held.commit, null, held.branch),
    ])
    for (const one of read)
      expect([one?.files.map(({ path }) => path), one?.filesLeftOut]).toEqual([['a'], 2])
    held.release()
  })

  it('is one session’s at a time, and continues where the last one stopped', async () => {
    const project = repository('shared')
    const worktrees = open([project])
    const first = await hold(worktrees, project, 'topic/one')
    writeFileSync(join(first.path, 'made'), 'x')
    await expect(hold(worktrees, project, 'topic/one')).rejects.toMatchObject({ code: 'run_open' })
    await expect(hold(worktrees, project, 'topic/one', 'bob')).rejects.toMatchObject({
      code: 'invalid_request',
    })
    first.release()
    const second = await hold(worktrees, project, 'topic/one')
    expect([second.path, existsSync(join(second.path, 'made'))]).toEqual([first.path, true])
    expect(git(second.path, 'show', '--stat', '--format=', second.commit)).toContain('made')
    second.release()
    const { id } = await only(worktrees, project.id)
    await expect(worktrees.get(id, bob)).rejects.toMatchObject({ code: 'not_found' })
    expect(await worktrees.list(bob)).toEqual([])
    await expect(worktrees.merge(id, bob)).rejects.toMatchObject({ code: 'not_found' })
    await expect(worktrees.discard(id, bob)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('of a branch that exists begins with it, also in the directory of a repository that is the project', async () => {
    const root = repository('monorepo')
    mkdirSync(join(root.path, 'packages/one'), { recursive: true })
    writeFileSync(join(root.path, 'packages/one/a'), 'a')
    git(root.path, 'add', '.')
    git(root.path, 'commit', '--quiet', '-m', 'second')
    git(root.path, 'branch', 'old', 'HEAD~1')
    git(root.path, 'branch', 'topic')
    const project = { id: 'one', path: join(root.path, 'packages/one') }
    const worktrees = open([project])
    const held = await hold(worktrees, project, 'topic')
    expect(readdirSync(held.path)).toEqual(['a'])
    writeFileSync(join(held.path, 'b'), 'b')
    const { files } =
      (await worktrees.changesOfRun({ id: 'r', project: 'one' }, held.commit, null, 'topic')) ?? {}
    expect(files?.map(({ path }) => path)).toEqual(['b'])
    held.release()
    await worktrees.merge((await only(worktrees, 'one')).id, ada)
    expect(readdirSync(project.path).sort()).toEqual(['a', 'b'])
    expect(git(root.path, 'branch', '--list', 'topic').trim()).toBe('topic')
    await expect(hold(worktrees, project, 'old')).rejects.toThrow(
      'The branch old has no directory packages/one/',
    )
    expect([
      await worktrees.list(ada, 'one'),
      git(root.path, 'worktree', 'list').trim().split('\n').length,
    ]).toEqual([[], 1])
  })

  it.each([
    ['no repository', () => ({ id: 'plain', path: workspace.project('plain') }), true, 'plain is in none'],
    ['a bare repository', bare, true, 'bare is a bare repository'],
    ['no commit', withoutCommit, true, 'that of empty has none'],
    ['an option for a branch', () => repository('r1'), '--force', 'the name of a branch'],
    ['a name with a space', () => repository('r2'), 'a b', 'the name of a branch'],
    ['a name that leads up', () => repository('r3'), 'a/../b', 'the name of a branch'],
    ['an expression', () => repository('r4'), '@{-1}', 'the name of a branch'],
    ['HEAD', () => repository('r5'), 'HEAD', 'the name of a branch'],
    ['another name of HEAD', () => repository('r7'), '@', 'the name of a branch'],
    ['the last fetched commit', () => repository('r8'), 'FETCH_HEAD', 'the name of a branch'],
    ['a ref with its whole name', () => repository('r9'), 'refs/heads/main', 'the name of a branch'],
    ['a name that is shown backwards', () => repository('r10'), '\u202ex', 'the name of a branch'],
    ['a name that is a commit', () => repository('r11'), 'ab'.repeat(20), 'the name of a branch'],
    ['the branch of the project', () => repository('r6'), 'main', 'main is in '],
  ] as const)('is refused for %s', async (_what, make, asked, words) => {
    const project = make()
    const refusal = open([project]).branchFor(project, asked, 'ada')
    await expect(refusal).rejects.toMatchObject({ code: 'invalid_request', fields: [{ path: 'worktree' }] })
    await expect(refusal).rejects.toThrow(words)
  })

  it('runs no filter of the repository and no hook outside the boundary', async () => {
    const project = repository('filtered')
    const trace = join(workspace.root, 'trace')
    writeFileSync(join(project.path, '.gitattributes'), 'README filter=ours\n')
    git(project.path, 'add', '.')
    git(project.path, 'commit', '--quiet', '-m', 'attributes')
    git(project.path, 'config', 'filter.ours.smudge', `sh -c 'touch ${trace}; tr a-z A-Z'`)
    git(project.path, 'config', 'filter.ours.clean', 'tr A-Z a-z')
    mkdirSync(join(project.path, '.git/hooks'), { recursive: true })
    for (const name of [
      'post-checkout',
      'reference-transaction',
      'post-merge',
      'pre-merge-commit',
      'pre-commit',
    ])
      writeFileSync(join(project.path, '.git/hooks', name), `#!/bin/sh\ntouch ${trace}\n`, { mode: 0o755 })
    const worktrees = open([project])
    const held = await hold(worktrees, project)
    // The filter ran, inside: it is what git in the tree expects, and left no trace outside.
    expect(await worktrees.list(ada, project.id)).toMatchObject([{ state: { uncommitted: 0 } }])
    expect(readFileSync(join(held.path, 'README'), 'utf8')).toBe('ONE\nTWO\nTHREE\n')
    writeFileSync(join(held.path, 'new'), 'x')
    held.release()
    await worktrees.merge((await only(worktrees, project.id)).id, ada)
    expect(existsSync(trace)).toBe(false)
  })

  it.runIf(isRoot)(
    'of another user’s project belongs to that user, in a directory that no third one may enter',
    async () => {
      const project = repository('theirs')
      chownAll(project.path)
      const worktrees = open([project])
      const held = await hold(worktrees, project)
      expect([statSync(held.path).uid, statSync(join(held.path, 'README')).uid]).toEqual([
        ordinaryUser.uid,
        ordinaryUser.uid,
      ])
      expect(statSync(join(held.path, '..')).uid).toBe(ordinaryUser.uid)
      expect(statSync(join(held.path, '..')).mode & 0o777).toBe(0o700)
      writeFileSync(join(held.path, 'made'), 'x')
      held.release()
      await worktrees.merge((await only(worktrees, project.id)).id, ada)
      expect(git(project.path, 'show', '--stat', '--format=%s')).toContain('made')
      expect(statSync(join(project.path, 'made')).uid).toBe(ordinaryUser.uid)
    },
  )
})

function bare() {
  const path = workspace.project('bare')
  git(path, 'init', '--quiet', '--bare')
  return { id: 'bare', path }
}

function withoutCommit() {
  const path = workspace.project('empty')
  git(path, 'init', '--quiet')
  return { id: 'empty', path }
}

function chownAll(path: string): void {
  git(path, '-c', `alias.own=!chown -R ${ordinaryUser.uid}:${ordinaryUser.gid} .`, 'own')
}
