import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { finish, git, ordinaryUser, Workspace } from '@millrace/test-support/workspace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Sandbox } from '#sandbox'

const workspace = new Workspace()
afterAll(() => workspace.close())

const identity = 'export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b'

/** A repository with a commit and a remote that has a branch `theirs`. */
function repository(name: string): string {
  const path = workspace.project(name)
  const remote = workspace.project(`${name}-remote`)
  git(path, 'init', '--quiet', '--initial-branch=main')
  writeFileSync(join(path, 'README'), 'read me\n')
  git(path, 'add', '.')
  git(path, 'commit', '--quiet', '-m', 'first')
  git(path, 'branch', 'theirs')
  git(workspace.root, 'clone', '--quiet', '--bare', path, remote)
  git(path, 'remote', 'add', 'origin', remote)
  git(path, 'fetch', '--quiet')
  git(path, 'branch', '-D', 'theirs')
  return path
}

const read = (path: string) => readFileSync(path, 'utf8')

interface Held {
  path: string
  settings: string[]
}

async function inside(sandbox: Sandbox, project: string, script: string) {
  const held: Held[] = []
  const ran = await workspace.sh(sandbox, project, `${identity}\n${script}`, {
    onHeldBack: (one) => held.push(one),
  })
  return { ...ran, held }
}

describe('settings of a repository', () => {
  let project: string
  let sandbox: Sandbox
  beforeAll(async () => {
    project = repository('settings')
    sandbox = await workspace.open([project])
  })

  it('a run tracks, adds, renames and deletes branches, and what it sets is there outside', async () => {
    const { stderr, exit, held } = await inside(
      sandbox,
      project,
      [
        'git checkout -q --track origin/theirs',
        'git checkout -q -b mine --track main && git branch -q -m mine ours',
        'git branch -q gone && git branch -q --set-upstream-to=origin/main gone && git branch -q -D gone',
        'git remote add fork https://example.org/fork.git',
        'test "$(git config branch.theirs.merge)" = refs/heads/theirs',
      ].join(' && '),
    )
    expect({ stderr, exit, held }).toEqual({ stderr: '', exit: { code: 0, signal: null }, held: [] })
    expect(git(project, 'config', 'branch.theirs.remote')).toBe('origin\n')
    expect(git(project, 'config', 'branch.ours.merge')).toBe('refs/heads/main\n')
    expect(git(project, 'remote', 'get-url', 'fork')).toBe('https://example.org/fork.git\n')
    expect(git(project, 'config', 'remote.fork.fetch')).toBe('+refs/heads/*:refs/remotes/fork/*\n')
    expect(read(join(project, '.git/config'))).not.toContain('gone')
    git(project, 'checkout', '--quiet', 'main')
  })

  it('push -u to a remote works and is remembered', async () => {
    const bare = workspace.project('settings/bare.git')
    git(bare, 'init', '--quiet', '--bare')
    git(project, 'remote', 'add', 'near', bare)
    const { exit, stderr } = await inside(
      sandbox,
      project,
      'git checkout -q -b pushed && git push -q -u near pushed',
    )
    expect({ exit, stderr }).toEqual({ exit: { code: 0, signal: null }, stderr: '' })
    expect(git(project, 'config', 'branch.pushed.remote')).toBe('near\n')
    git(project, 'checkout', '--quiet', 'main')
  })

  it.each([
    ['a program', 'core.fsmonitor', 'git config core.fsmonitor ./evil'],
    ['hooks elsewhere', 'core.hookspath', 'git config core.hooksPath evil'],
    ['an alias', 'alias.st', 'git config alias.st "!evil"'],
    ['a filter', 'filter.x.smudge', 'git config filter.x.smudge evil'],
    ['an included file', 'include.path', 'git config include.path ../evil'],
    ['a command for ssh', 'core.sshcommand', 'git config core.sshCommand evil'],
    ['a pager', 'core.pager', 'git config core.pager evil'],
    ['a remote that is a command', 'remote.evil.url', 'git config remote.evil.url "ext::sh -c evil"'],
    ['a remote with hooks of its own', 'remote.evil.url', 'git config remote.evil.url "$PWD/evil.git"'],
    [
      'another place for an old remote',
      'remote.origin.url',
      'git remote set-url origin https://evil.example/x',
    ],
    ['a branch of a remote that is a path', 'branch.x.remote', 'git config branch.x.remote ../evil'],
  ])('%s stays inside the run, whose log says so', async (_what, setting, script) => {
    const before = read(join(project, '.git/config'))
    const { exit, held } = await inside(sandbox, project, script)
    expect(exit.code).toBe(0)
    expect(held.flatMap(({ settings }) => settings)).toContain(setting)
    expect(read(join(project, '.git/config'))).toBe(before)
  })

  it('what is allowed is kept beside what is not, and no line of the owner is lost', async () => {
    const config = join(project, '.git/config')
    writeFileSync(config, `${read(config)}# a comment\n[alias]\n\tst = status \\\n\t\t--short\n`)
    const before = read(config)
    const { held } = await inside(
      sandbox,
      project,
      'git config core.pager evil; git config branch.main.rebase true; git config core.editor evil',
    )
    expect(held.flatMap(({ settings }) => settings)).toEqual(['core.pager', 'core.editor'])
    const added = read(config)
      .split('\n')
      .filter((line) => !before.split('\n').includes(line))
    expect(added).toEqual(['[branch "main"]', '\trebase = true'])
    expect(git(project, 'config', 'alias.st')).toMatch(/^status\s+--short$/m)
  })

  it('a file that a run writes over the configuration by hand executes nothing outside and takes no remote away', async () => {
    const others = () =>
      git(project, 'config', '--list', '--local')
        .split('\n')
        .filter((line) => !/^branch\./.test(line))
    const before = others()
    await inside(
      sandbox,
      project,
      'printf "[core]\\n\\tfsmonitor = evil\\n" > .git/config; printf "[core]\\n\\tpager = evil\\n" > .git/config.lock; mv -f .git/config.lock .git/config; rm -f .git/config; true',
    )
    expect(others()).toEqual(before)
    expect(readdirSync(join(project, '.git'))).not.toContain('config.lock')
  })

  it('a forged report of the launcher gets no further than the same change by git', async () => {
    const before = read(join(project, '.git/config'))
    const other = join(workspace.root, 'victim')
    writeFileSync(other, 'untouched\n')
    const forge = [
      'import glob,sys',
      'for p in glob.glob("/proc/[0-9]*"):',
      '  for f in glob.glob(p+"/fd/4"):',
      `    t=b"[core]\\n\\tfsmonitor = evil\\n"; n=sys.argv[1].encode()`,
      '    try: open(f,"wb").write(b"config %d %d\\n%s%s" % (len(n),len(t),n,t))',
      '    except OSError: pass',
    ].join('\n')
    for (const path of [other, join(project, '.git/config')])
      await inside(sandbox, project, `python3 -c '${forge}' ${path}`)
    expect(read(other)).toBe('untouched\n')
    expect(read(join(project, '.git/config'))).toBe(before)
  })
})

describe('a linked working tree', () => {
  it('is a project like any other: status, commit, branch, and nothing of the other tree changes', async () => {
    const main = repository('main')
    const tree = join(workspace.root, 'tree')
    git(main, 'worktree', 'add', '--quiet', tree, '-b', 'linked')
    const sandbox = await workspace.open([tree])
    const { stdout, stderr, held } = await inside(
      sandbox,
      tree,
      [
        'echo x > new && git add new && git commit -q -m second && git status --porcelain',
        'git checkout -q --track origin/theirs && git checkout -q linked && git branch -q -D theirs',
        'git pack-refs --all && git log --format=%s',
        'for p in HEAD index config hooks/pre-commit worktrees/other/config.worktree rebase-merge/git-rebase-todo',
        'do mkdir -p $(dirname $(git rev-parse --git-common-dir)/$p); echo "exec evil" > $(git rev-parse --git-common-dir)/$p; done 2>/dev/null',
      ].join('\n'),
    )
    expect({ stdout, stderr, held }).toEqual({ stdout: 'second\nfirst\n', stderr: '', held: [] })
    expect(git(main, 'log', '--format=%s', 'linked')).toBe('second\nfirst\n')
    expect(git(main, 'status', '--porcelain')).toBe('')
    expect(git(main, 'symbolic-ref', 'HEAD')).toBe('refs/heads/main\n')
    expect(read(join(main, '.git/config'))).not.toContain('evil')
    for (const name of ['hooks/pre-commit', 'worktrees/other', 'rebase-merge'])
      expect(existsSync(join(main, '.git', name))).toBe(false)
  })

  it('that no repository knows of gives access to none', async () => {
    const victim = repository('victim-repository')
    const project = workspace.project('claims')
    for (const target of ['.git', '.git/worktrees/x']) {
      writeFileSync(join(project, '.git'), `gitdir: ${join(victim, target)}\n`)
      mkdirSync(join(victim, target), { recursive: true })
      const sandbox = await workspace.open([project])
      const { stdout } = await workspace.sh(sandbox, project, `ls ${victim}; git log`)
      expect(stdout).toBe('')
    }
  })
})

describe('submodules', () => {
  const library = repository('library')
  const project = repository('with-submodule')
  beforeAll(() => {
    git(project, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', library, 'lib')
    git(project, 'commit', '--quiet', '-m', 'lib')
  })

  it.each([
    ['the project that holds it', project, 'cd lib'],
    ['itself', join(project, 'lib'), ':'],
  ])('can be committed in from %s, and its hooks and settings are protected', async (_from, at, enter) => {
    const sandbox = await workspace.open([at])
    const { stdout, stderr } = await inside(
      sandbox,
      at,
      `${enter} && git checkout -q -B work && echo x >> new && git add new && git commit -q -m more && git status --porcelain && git log -1 --format=%s
      d=$(git rev-parse --absolute-git-dir); { echo evil > $d/hooks/pre-commit; git config core.pager evil; mv $d $d.away; } 2>/dev/null`,
    )
    expect({ stdout, stderr }).toEqual({ stdout: 'more\n', stderr: '' })
    expect(git(join(project, 'lib'), 'log', '-1', '--format=%s', 'work')).toBe('more\n')
    expect(read(join(project, '.git/modules/lib/config'))).not.toContain('pager')
    expect(existsSync(join(project, '.git/modules/lib/hooks/pre-commit'))).toBe(false)
    expect(git(project, 'diff', '--name-only')).toBe('lib\n')
  })
})

describe('a project in a directory of a repository', () => {
  it('commits what is in it, and reads the rest', async () => {
    const root = repository('monorepo')
    const project = workspace.project('monorepo/packages/one')
    const sandbox = await workspace.open([project])
    const { stdout, stderr, held } = await inside(
      sandbox,
      project,
      [
        'echo x > file && git add . && git commit -q -m one && git status --porcelain && git log -1 --format=%s',
        'git checkout -q --track origin/theirs && git checkout -q main',
        'cat ../../README; for p in ../../planted ../../.git/hooks/pre-commit ../../.mcp.json; do echo evil > $p; done 2>/dev/null; true',
      ].join('\n'),
    )
    expect({ stdout, held }).toEqual({ stdout: 'one\nread me\n', held: [] })
    // The other branch has no such directory.
    expect(stderr.split('\n').filter((line) => !/packages/.test(line))).toEqual([''])
    expect(readdirSync(root).sort()).toEqual(['.git', 'README', 'packages'])
    expect(existsSync(join(root, '.git/hooks/pre-commit'))).toBe(false)
    expect(git(root, 'config', 'branch.theirs.remote')).toBe('origin\n')
  })

  it('sees nothing of a repository that holds the home or the data directory', async () => {
    const root = repository('dotfiles')
    const project = workspace.project('dotfiles/project')
    const home = workspace.project('dotfiles/home')
    const sandbox = await workspace.open([project], { serverEnv: { HOME: home, PATH: process.env.PATH } })
    const { stdout } = await workspace.sh(sandbox, project, `cat ../README; git log; ls -A ${root}`)
    expect(stdout).toBe('project\n')
  })

  it('below the home reads its repository, as do linked working trees there', async () => {
    const home = workspace.project('somewhere/home')
    const root = repository('somewhere/home/monorepo')
    const project = workspace.project('somewhere/home/monorepo/packages/one')
    const linked = join(home, 'linked')
    git(root, 'worktree', 'add', '--quiet', linked)
    const options = { serverEnv: { HOME: home, PATH: process.env.PATH } }
    const sandbox = await workspace.open([project, linked], options)
    const script = 'cat $(git rev-parse --show-toplevel)/README; git log --format=%s'
    expect((await inside(sandbox, project, script)).stdout).toBe('read me\nfirst\n')
    expect((await inside(sandbox, linked, script)).stdout).toBe('read me\nfirst\n')
  })

  it('of another owner gets nothing of the repository', async () => {
    const root = repository('foreign')
    const project = workspace.project('foreign/project', 'somebody')
    const sandbox = await workspace.open([project])
    const { stdout } = await workspace.sh(sandbox, project, `cat ../README; git log; ls -A ${root}`)
    if (process.getuid?.() === 0 && ordinaryUser.uid !== 0) expect(stdout).toBe('project\n')
  })
})

describe('an unfinished rebase', () => {
  const start = 'GIT_SEQUENCE_EDITOR="sed -i s/^pick/edit/" git rebase -q -i HEAD~1'

  it('that a run leaves can be continued by a later run and outside', async () => {
    const project = repository('rebasing')
    writeFileSync(join(project, 'more'), 'x')
    git(project, 'add', '.')
    git(project, 'commit', '--quiet', '-m', 'second')
    const sandbox = await workspace.open([project])
    expect((await inside(sandbox, project, start)).exit.code).toBe(0)
    expect(readdirSync(join(project, '.git'))).toContain('rebase-merge')
    expect((await inside(sandbox, project, 'git rebase --continue')).exit.code).toBe(0)
    await inside(sandbox, project, start)
    git(project, 'rebase', '--continue')
  })

  it.each([
    ['in the list', 'echo "exec evil" >> .git/rebase-merge/git-rebase-todo'],
    ['by its short name', 'echo "x evil" >> .git/rebase-merge/git-rebase-todo'],
    ['as a strategy', 'echo evil > .git/rebase-merge/strategy'],
    [
      'in a list of its own',
      'rm -rf .git/rebase-merge; mkdir .git/rebase-apply; echo "exec evil" > .git/rebase-apply/git-rebase-todo',
    ],
    [
      'for a cherry-pick',
      'rm -rf .git/rebase-merge; mkdir .git/sequencer; printf "[options]\\n\\tstrategy = evil\\n" > .git/sequencer/opts',
    ],
    ['by a link', 'mv .git/rebase-merge x; ln -s ../x .git/rebase-merge'],
  ])('that would execute something (%s) is taken away', async (what, script) => {
    const project = repository(`rebase ${what.replaceAll(' ', '-')}`)
    writeFileSync(join(project, 'more'), 'x')
    git(project, 'add', '.')
    git(project, 'commit', '--quiet', '-m', 'second')
    const sandbox = await workspace.open([project])
    const taken: string[] = []
    const child = await workspace.spawn(sandbox, project, ['sh', '-c', `${identity}; ${start}; ${script}`], {
      onTakenAway: ({ path }) => taken.push(path),
    })
    await finish(child)
    expect(taken).toHaveLength(1)
    expect(readdirSync(join(project, '.git')).filter((name) => /rebase|sequencer/.test(name))).toEqual([])
  })
})

describe('hooks that Husky manages', () => {
  it('are protected with the files they run, and an install inside works', async () => {
    const project = repository('husky')
    git(project, 'config', 'core.hooksPath', '.husky/_')
    mkdirSync(join(project, '.husky/_'), { recursive: true })
    writeFileSync(join(project, '.husky/pre-commit'), 'true\n')
    writeFileSync(join(project, '.husky/_/h'), 'sh "$(dirname "$0")/../$(basename "$0")"\n', { mode: 0o755 })
    writeFileSync(join(project, '.husky/_/pre-commit'), '#!/bin/sh\n. "$(dirname "$0")/h"\n', { mode: 0o755 })
    const sandbox = await workspace.open([project])
    const { stdout, held } = await inside(
      sandbox,
      project,
      [
        'echo evil > .husky/pre-commit; echo evil > .husky/commit-msg; mv .husky away',
        'git config core.hooksPath .husky/_ && rm -f .husky/_/h && echo evil > .husky/_/h && echo installed',
      ].join('\n'),
    )
    expect({ stdout, held }).toEqual({ stdout: 'installed\n', held: [] })
    expect(readdirSync(join(project, '.husky')).sort()).toEqual(['_', 'pre-commit'])
    expect(read(join(project, '.husky/pre-commit'))).toBe('true\n')
    expect(read(join(project, '.husky/_/h'))).toContain('dirname')
  })
})

describe('the author of a commit', () => {
  it('is the owner of the project, as their own configuration names them', async () => {
    const project = repository('authored')
    const home = workspace.project('author-home')
    writeFileSync(
      join(home, '.gitconfig'),
      `[user]\n\tname = Ada \\"the first\\" L\n[includeIf "gitdir:${project}/"]\n\tpath = work\n[alias]\n\tst = status\n`,
    )
    writeFileSync(join(home, 'work'), '[user]\n\temail = ada@example.org\n')
    const sandbox = await workspace.open([project], { serverEnv: { HOME: home, PATH: process.env.PATH } })
    const { stdout } = await workspace.sh(
      sandbox,
      project,
      'git commit -q --allow-empty -m mine && git log -1 --format="%an <%ae>"; git config alias.st',
    )
    expect(stdout).toBe('Ada "the first" L <ada@example.org>\n')
  })
})
