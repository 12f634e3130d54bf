import { spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { until } from '@millrace/test-support/until'
import { finish, git, Workspace } from '@millrace/test-support/workspace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { endLeftovers } from '#processes/leftovers'
import type { Sandbox } from '#sandbox'

const workspace = new Workspace()
const plain = workspace.project('plain')
const theirs = workspace.project('theirs', 'somebody')
const repository = workspace.project('repository')
const nested = workspace.project('repository/packages/nested')
let sandbox: Sandbox

beforeAll(async () => {
  git(repository, 'init', '--quiet')
  writeFileSync(join(repository, 'README'), 'read me\n')
  git(repository, 'add', '.')
  git(repository, 'commit', '--quiet', '-m', 'first')
  sandbox = await workspace.open([plain, theirs, repository, nested])
})
afterAll(() => workspace.close())

/** Everything a job could plant in a project for somebody else to run, each by several ways. */
const planting = [
  'plant() { p=$1; { echo evil > $p || echo evil | tee $p || (rm -rf $p && echo evil > $p) ||',
  '  (echo evil > .t && mv -f .t $p) || (ln -sf /tmp/evil $p.l && mv -fT $p.l $p) ||',
  '  (mkdir -p $p && echo evil > $p/x) || (mv $p $p.away && echo evil > $p) || rmdir $p ||',
  '  (chmod 777 $p && echo evil > $p) || ln -f .t $p; } >/dev/null 2>&1 && echo "planted $p"; rm -rf .t $p.l; true; }',
].join('\n')

const inEveryProject = [
  'millrace.config.ts',
  'millrace.config.js',
  'millrace.config.json',
  '.mcp.json',
  '.claude',
  '.claude/settings.json',
]

/** What is at each of these paths, links unresolved. */
function present(project: string, names: readonly string[]): string[] {
  return names.filter((name) => lstatSync(join(project, name), { throwIfNoEntry: false }) !== undefined)
}

describe.each([
  ['that is no repository', plain],
  ['of somebody else', theirs],
])('in a project %s', (_name, project) => {
  it('a job leaves behind no configuration, no agent settings and no repository with code in it', async () => {
    const targets = [...inEveryProject, '.git', '.git/config', '.git/hooks/pre-commit']
    const before = readdirSync(project)
    const { stdout } = await workspace.sh(
      sandbox,
      project,
      `${planting}\nfor p in ${targets.join(' ')}; do plant $p; done; git init -q && git config core.fsmonitor /tmp/evil; true`,
    )
    expect(stdout).toContain('planted .mcp.json')
    // It may have been ended over a scratch file of its own.
    expect(readdirSync(project).filter((name) => name !== '.t')).toEqual(before)
    rmSync(join(project, '.t'), { force: true })
  })

  it('what a job makes under a protected name is taken away while it runs, kept, and reported', async () => {
    const taken: { path: string; keptAt: string }[] = []
    const child = await workspace.spawn(sandbox, project, ['sh', '-c', 'echo evil > .mcp.json; cat'], {
      onTakenAway: (found) => taken.push(found),
    })
    await until(() => taken.length > 0)
    expect(taken.map(({ path }) => path)).toEqual([join(project, '.mcp.json')])
    expect(present(project, ['.mcp.json'])).toEqual([])
    // It may be taken before the job has written into it.
    await until(() => readFileSync(taken[0]?.keptAt ?? '', 'utf8') === 'evil\n')
    await finish(child)
  })

  it('a job that keeps making protected files is ended', async () => {
    const child = await workspace.spawn(sandbox, project, [
      'sh',
      '-c',
      'while :; do echo evil > .mcp.json; sleep 0.01; done 2>/dev/null',
    ])
    const { exit } = await finish(child)
    expect(child.breach).toBe('protected')
    expect(exit.signal).toBe('SIGKILL')
    expect(present(project, ['.mcp.json'])).toEqual([])
  })

  it('a job cannot leave the project itself a bare repository, whose hooks git would run', async () => {
    await workspace.sh(
      sandbox,
      project,
      'echo "ref: refs/heads/x" > HEAD; mkdir -p objects refs hooks; echo evil > hooks/pre-commit',
    )
    expect(present(project, ['HEAD', 'objects', 'refs']).length).toBeLessThan(3)
    for (const name of ['HEAD', 'objects', 'refs', 'hooks'])
      rmSync(join(project, name), { recursive: true, force: true })
  })

  it('directories with the names of a repository’s are ordinary as long as they make none', async () => {
    const { exit } = await workspace.sh(sandbox, project, 'mkdir refs objects && echo x > refs/a')
    expect(exit.code).toBe(0)
    expect(present(project, ['refs/a', 'objects'])).toEqual(['refs/a', 'objects'])
    for (const name of ['objects', 'refs']) rmSync(join(project, name), { recursive: true })
  })

  it('git init, a commit and a remote work, and the repository stays', async () => {
    const { exit, stderr } = await workspace.sh(
      sandbox,
      project,
      [
        'git init -q . && git config user.name a && git config user.email a@b && echo x > f && git add f',
        'git commit -q -m first && git remote add origin https://example.org/a.git && git log --format=%s',
      ].join('\n'),
    )
    expect({ exit, stderr }).toEqual({ exit: { code: 0, signal: null }, stderr: '' })
    expect(present(project, ['.git/HEAD'])).toEqual(['.git/HEAD'])
    for (const name of ['.git', 'f']) rmSync(join(project, name), { recursive: true })
  })

  it.each([
    ['a hook', 'echo evil > .git/hooks/post-checkout'],
    ['a program for git to run', 'git config core.fsmonitor /tmp/evil'],
    ['an alias', 'git config alias.st "!evil"'],
    ['an included file', 'git config include.path ../evil'],
    ['a filter', 'git config filter.x.smudge evil'],
    ['an address that is a command', 'git remote add origin "ext::sh -c evil"'],
    ['another common directory', 'echo .. > .git/commondir'],
    ['hooks elsewhere by a link', 'rm -rf .git/hooks && ln -s /tmp .git/hooks'],
    ['a link in its place', 'mv .git x && ln -s x .git'],
  ])('a repository that a job gives %s is taken away', async (_what, script) => {
    await workspace.sh(sandbox, project, `git init -q . && ${script}`)
    expect(present(project, ['.git'])).toEqual([])
    rmSync(join(project, 'x'), { recursive: true, force: true })
  })

  it('while jobs run nothing of Millrace is in the project', async () => {
    const before = readdirSync(project)
    const children = await Promise.all([1, 2].map(() => workspace.spawn(sandbox, project, ['cat'])))
    expect(readdirSync(project)).toEqual(before)
    for (const child of children) await finish(child)
    expect(readdirSync(project)).toEqual(before)
  })
})

describe('in a repository', () => {
  const sh = (script: string) => workspace.sh(sandbox, repository, script)

  it('a job plants neither hook nor configuration, by whatever way', async () => {
    const config = readFileSync(join(repository, '.git/config'), 'utf8')
    const targets = [
      '.git/hooks/pre-commit',
      '.git/hooks',
      '.git/commondir',
      '.git/config.worktree',
      '.git/modules/x',
      '.git/modules',
    ]
    const { stdout } = await sh(
      `${planting}\nfor p in ${targets.join(' ')}; do plant $p; done; plant .git/config >/dev/null; git config core.hooksPath /tmp 2>/dev/null; true`,
    )
    expect(stdout).toBe('')
    expect(readFileSync(join(repository, '.git/config'), 'utf8')).toBe(config)
    expect(readdirSync(join(repository, '.git'))).not.toContain('commondir')
    expect(existsSync(join(repository, '.git/hooks/pre-commit'))).toBe(false)
  })

  it('a job cannot move the repository away and make another one', async () => {
    const { stdout } = await sh(
      '(mv .git .away || rm -rf .git/HEAD.x && mv -T .git .away) 2>/dev/null && echo moved; true',
    )
    expect(stdout).toBe('')
    expect(git(repository, 'log', '--format=%s')).toBe('first\n')
  })

  it('a job commits, branches and packs as it would outside, and sees no file that is not the project’s', async () => {
    const { stdout, stderr } = await sh(
      [
        'export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b',
        'git checkout -q -b work && echo more >> README && git add --all && git commit -q -m second',
        'git show --name-only --format=%s; git status --porcelain; git checkout -q - && git gc -q',
      ].join('\n'),
    )
    expect({ stdout, stderr }).toEqual({ stdout: 'second\n\nREADME\n', stderr: '' })
  })

  it('git outside works as usual while a job runs', async () => {
    const child = await workspace.spawn(sandbox, repository, ['cat'])
    expect(existsSync(join(repository, '.git/commondir'))).toBe(true)
    writeFileSync(join(repository, 'while'), 'running')
    git(repository, 'add', 'while')
    git(repository, 'commit', '--quiet', '-m', 'while')
    expect(git(repository, 'rev-parse', '--git-common-dir')).toContain('.git')
    expect(git(repository, 'fsck', '--no-dangling')).toBe('')
    git(repository, 'worktree', 'list')
    git(repository, 'reset', '--quiet', '--hard', 'HEAD~1')
    await finish(child)
  })

  it('a project inside the project is protected as well, and so is the way to it', async () => {
    const targets = inEveryProject.map((name) => `packages/nested/${name}`)
    const { stdout } = await sh(
      `${planting}\nfor p in ${targets.join(' ')}; do plant $p >/dev/null; done; for d in packages packages/nested; do mv $d away 2>/dev/null && echo moved; done; rm -rf away`,
    )
    expect(stdout).toBe('')
    expect(present(nested, inEveryProject)).toEqual([])
  })

  it('hooks that the configuration keeps in the working tree are protected, also before they exist', async () => {
    const husky = workspace.project('husky')
    git(husky, 'init', '--quiet')
    git(husky, 'config', 'core.hooksPath', '.husky/_')
    git(husky, 'config', 'include.path', '../shared.gitconfig')
    const opened = await workspace.open([husky])
    const { stdout } = await workspace.sh(
      opened,
      husky,
      `${planting}\nfor p in .husky/_/pre-commit .husky shared.gitconfig; do plant $p; done`,
    )
    expect(stdout).toContain('planted .husky')
    expect(present(husky, ['.husky'])).toEqual([])
    expect(present(workspace.root, ['shared.gitconfig'])).toEqual([])
    mkdirSync(join(husky, '.husky/_'), { recursive: true })
    const again = await workspace.sh(
      opened,
      husky,
      `${planting}\nfor p in .husky/_/pre-commit .husky/_; do plant $p; done; mv .husky away && echo moved; true`,
    )
    // What is generated there is a copy, which ended with the run.
    expect(again.stdout).toBe('planted .husky/_/pre-commit\nplanted .husky/_\n')
    expect(readdirSync(join(husky, '.husky/_'))).toEqual([])
  })

  it('the administration of linked working trees is protected', async () => {
    const tree = join(workspace.root, 'linked')
    git(repository, 'worktree', 'add', '--quiet', tree, '-b', 'linked')
    const { stdout } = await sh(
      `${planting}\nfor p in .git/worktrees/linked/commondir .git/worktrees/linked .git/worktrees; do plant $p; done`,
    )
    expect(stdout).toBe('')
    expect(git(tree, 'status', '--porcelain')).toBe('')
    // In the linked tree itself `.git` is a file, which decides where the repository is.
    const linked = await workspace.open([tree])
    const inTree = await workspace.sh(linked, tree, `${planting}\nplant .git`)
    expect(inTree.stdout).toBe('')
    git(repository, 'worktree', 'remove', '--force', tree)
  })
})

describe('a configuration file in a directory of the project', () => {
  it('cannot be written, and its directory cannot be replaced', async () => {
    const project = workspace.project('configured')
    mkdirSync(join(project, 'ops'))
    const configFile = join(project, 'ops', 'millrace.config.ts')
    writeFileSync(configFile, 'export default {}')
    const opened = await workspace.open([project], { configFile })
    const { stdout } = await workspace.sh(
      opened,
      project,
      `${planting}\nplant ops/millrace.config.ts; mv ops away && echo moved; touch ops/other && echo other`,
    )
    expect(stdout).toBe('other\n')
    expect(readFileSync(configFile, 'utf8')).toBe('export default {}')
  })
})

describe('links', () => {
  it.each(['.claude', '.mcp.json', '.git', '.git/hooks', 'millrace.config.ts'])(
    'a run is refused where %s is a link, which it could replace',
    async (name) => {
      const project = workspace.project(`link-${name.replaceAll('/', '-')}`)
      if (name.startsWith('.git/')) git(project, 'init', '--quiet')
      rmSync(join(project, name), { recursive: true, force: true })
      symlinkSync(workspace.dataDir, join(project, name))
      const opened = await workspace.open([plain, project])
      await expect(workspace.sh(opened, project, 'true')).rejects.toThrow(/is a symbolic link/)
    },
  )
})

describe('stand-ins', () => {
  it('survive neither a crash of the server nor the next start', async () => {
    const project = workspace.project('crashed')
    git(project, 'init', '--quiet')
    const dataDir = join(workspace.root, 'crashed-data')
    mkdirSync(dataDir)
    const script = new URL('support/stand-in-server.ts', import.meta.url).pathname
    const runId = crypto.randomUUID()
    const args = { mode: 'required', dataDir, project, script: 'sleep 300', runId }
    const server = spawn(process.execPath, [script, JSON.stringify(args)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await new Promise((resolve) => server.stdout.once('data', resolve))
    expect(existsSync(join(project, '.git/commondir'))).toBe(true)
    server.kill('SIGKILL')
    await new Promise((resolve) => server.once('exit', resolve))
    // Killed so soon after the start, bubblewrap may not have bound its life to the server's yet.
    await endLeftovers([{ id: runId, process: null }])
    expect(existsSync(join(dataDir, 'placeholders.json'))).toBe(true)
    // As a run could have left it that nobody looked at.
    writeFileSync(join(project, '.mcp.json'), '{}')
    const next = await workspace.open([project], { dataDir })
    expect(existsSync(join(dataDir, 'placeholders.json'))).toBe(false)
    const names = readdirSync(project).sort()
    expect(names).toEqual(['.git'])
    expect(next.report.warnings.join()).toMatch(/created .*\.mcp\.json.*now at/)
    expect(existsSync(join(project, '.git/commondir'))).toBe(false)
    await next.close()
  })

  it('serve many runs that begin and end at once, and are gone after the last', async () => {
    const config = readFileSync(join(repository, '.git/config'), 'utf8')
    const script = `${planting}\nplant .git/config >/dev/null; for p in .mcp.json .git/commondir .claude/x; do plant $p; done`
    const runs = Array.from({ length: 24 }, async (_, index) => {
      await new Promise((resolve) => setTimeout(resolve, index * 7))
      return workspace.sh(sandbox, repository, script)
    })
    for (const { stdout } of await Promise.all(runs)) expect(stdout).not.toContain('.git')
    // A run that was ended over it leaves scratch files of its own, and never one of the protected names.
    expect(present(repository, inEveryProject)).toEqual([])
    for (const name of readdirSync(repository))
      if (!['.git', 'README', 'packages'].includes(name)) rmSync(join(repository, name), { recursive: true })
    expect(readdirSync(join(repository, '.git'))).not.toContain('commondir')
    expect(readFileSync(join(repository, '.git/config'), 'utf8')).toBe(config)
  })

  it('are not needed where a run could create nothing either', async () => {
    const project = workspace.project('read-only')
    chmodSync(project, 0o555)
    const opened = await workspace.open([project])
    const { exit } = await workspace.sh(opened, project, 'true')
    expect(exit).toEqual({ code: 0, signal: null })
    chmodSync(project, 0o755)
    expect(statSync(project).isDirectory()).toBe(true)
    await until(() => readdirSync(project).length === 0)
  })
})
