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
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { endLeftovers } from '#processes/leftovers'
import type { Sandbox } from '#sandbox'
import { finish, git, isRoot, ordinaryUser, until, Workspace } from './support/workspace.ts'

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

describe.each([
  ['that is no repository', plain],
  ['of somebody else', theirs],
])('in a project %s', (_name, project) => {
  it('a job plants no configuration, no agent settings and no repository', async () => {
    const targets = [...inEveryProject, '.git', '.git/config', '.git/hooks/pre-commit']
    const before = readdirSync(project)
    const { stdout } = await workspace.sh(
      sandbox,
      project,
      `${planting}\nfor p in ${targets.join(' ')}; do plant $p; done; git init 2>/dev/null && echo initialised; true`,
    )
    expect(stdout).toBe('')
    expect(readdirSync(project)).toEqual(before)
  })

  it('a job cannot make the project itself a bare repository, whose hooks git would run', async () => {
    const { stdout } = await workspace.sh(
      sandbox,
      project,
      'echo "ref: refs/heads/x" > HEAD; mkdir -p objects; (mkdir refs || (rm -f refs && mkdir refs)) 2>/dev/null && echo made; git --git-dir=. rev-parse --is-bare-repository 2>/dev/null; rm -rf HEAD objects',
    )
    expect(stdout).toBe('')
  })

  it('what stands in for missing paths is the owner’s, is empty, and goes with the last run', async () => {
    const children = await Promise.all([1, 2].map(() => workspace.spawn(sandbox, project, ['cat'])))
    const standIns = ['.claude', '.git', '.mcp.json', 'millrace.config.ts'].map((name) => join(project, name))
    const uid = isRoot && project === theirs ? ordinaryUser.uid : (process.getuid?.() ?? 0)
    for (const path of standIns) {
      const stat = lstatSync(path)
      expect(stat.uid).toBe(uid)
      if (stat.isFile()) expect(stat.size).toBe(0)
      else expect(readdirSync(path)).toEqual([])
    }
    const [first, second] = children
    if (first === undefined || second === undefined) throw new Error('two were started')
    await finish(first)
    for (const path of standIns) expect(existsSync(path)).toBe(true)
    await finish(second)
    for (const path of standIns) expect(existsSync(path)).toBe(false)
  })
})

describe('in a repository', () => {
  const sh = (script: string) => workspace.sh(sandbox, repository, script)

  it('a job plants neither hook nor configuration, by whatever way', async () => {
    const config = readFileSync(join(repository, '.git/config'), 'utf8')
    const targets = [
      ...inEveryProject,
      '.git/config',
      '.git/hooks/pre-commit',
      '.git/hooks',
      '.git/commondir',
      '.git/config.worktree',
      '.git/modules/x',
      '.git/modules',
    ]
    const { stdout } = await sh(
      `${planting}\nfor p in ${targets.join(' ')}; do plant $p; done; git config core.hooksPath /tmp 2>/dev/null && echo configured; true`,
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

  it('a job works with the repository all the same, and commits none of the stand-ins', async () => {
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
      `${planting}\nfor p in ${targets.join(' ')}; do plant $p; done; for d in packages packages/nested; do mv $d away 2>/dev/null && echo moved; done; rm -rf away`,
    )
    expect(stdout).toBe('')
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
    expect(stdout).toBe('')
    mkdirSync(join(husky, '.husky/_'), { recursive: true })
    const again = await workspace.sh(
      opened,
      husky,
      `${planting}\nfor p in .husky/_/pre-commit .husky/_; do plant $p; done; mv .husky away && echo moved; true`,
    )
    expect(again.stdout).toBe('')
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
    // What somebody has filled meanwhile is theirs now.
    writeFileSync(join(project, '.mcp.json'), '{}')
    writeFileSync(join(project, '.claude', 'settings.json'), '{}')
    const next = await workspace.open([project], { dataDir })
    expect(existsSync(join(dataDir, 'placeholders.json'))).toBe(false)
    const names = readdirSync(project).sort()
    expect(names).toEqual(['.claude', '.git', '.mcp.json'])
    expect(existsSync(join(project, '.git/commondir'))).toBe(false)
    await next.close()
  })

  it('serve many runs that begin and end at once, and are gone after the last', async () => {
    const config = readFileSync(join(repository, '.git/config'), 'utf8')
    const script = `${planting}\nfor p in .mcp.json .git/config .git/commondir .claude/x; do plant $p; done`
    const runs = Array.from({ length: 24 }, async (_, index) => {
      await new Promise((resolve) => setTimeout(resolve, index * 7))
      return workspace.sh(sandbox, repository, script)
    })
    for (const ran of await Promise.all(runs)) expect(ran).toMatchObject({ stdout: '', exit: { code: 0 } })
    expect(readdirSync(repository).sort()).toEqual(['.git', 'README', 'packages'])
    expect(readdirSync(join(repository, '.git'))).not.toContain('commondir')
    expect(readFileSync(join(repository, '.git/config'), 'utf8')).toBe(config)
  })

  it('that somebody fills while a run goes on are left to them', async () => {
    const child = await workspace.spawn(sandbox, plain, ['cat'])
    writeFileSync(join(plain, 'millrace.config.json'), '{}')
    await finish(child)
    expect(readdirSync(plain)).toEqual(['millrace.config.json'])
    rmSync(join(plain, 'millrace.config.json'))
  })

  it('are not needed where a run could create nothing either', async () => {
    const project = workspace.project('read-only')
    chmodSync(project, 0o555)
    const opened = await workspace.open([project])
    const { exit } = await workspace.sh(opened, project, 'true')
    expect(exit).toEqual({ code: 0, signal: null })
    chmodSync(project, 0o755)
    expect(statSync(project).isDirectory()).toBe(true)
    await until(() => readdirSync(project).length === 0, 'nothing is left')
  })
})
