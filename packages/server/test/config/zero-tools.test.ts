import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { recipesOf, tasksOf } from '#config/zero/task-files'
import { load, workspace } from './workspace.ts'

type Files = Parameters<typeof workspace>[0]

async function found(files: Files, folder = '.', env: NodeJS.ProcessEnv = {}) {
  const root = workspace(files)
  const { tools, warnings } = await load(join(root, folder), { env })
  const commands = Object.fromEntries([...tools].map(([id, { command }]) => [id, command.join(' ')]))
  return { commands, warnings, titles: [...tools.values()].map(({ title }) => title), root }
}

const scripts = { 'package.json': { scripts: { test: 'x' } } }

describe('without a configuration file, the title of a tool', () => {
  it('is a command that a person could type in the project', async () => {
    const { titles } = await found({ 'pytest.ini': '', '.venv/bin/python': '' })
    expect(titles).toEqual(['.venv/bin/python -m pytest'])
  })
})

describe('without a configuration file, the tools of a JavaScript project', () => {
  it.each([
    ['pnpm', 'pnpm-lock.yaml'],
    ['pnpm', 'pnpm-workspace.yaml'],
    ['yarn', 'yarn.lock'],
    ['bun', 'bun.lock'],
    ['bun', 'bun.lockb'],
    ['npm', 'package-lock.json'],
  ])('%s runs the scripts where %s is', async (manager, lockfile) => {
    const { commands } = await found({ ...scripts, [lockfile]: 'x' })
    expect(commands).toEqual({ [`${manager}:test`]: `${manager} run test` })
  })

  it('the field packageManager wins over a lockfile', async () => {
    const manifest = { scripts: { test: 'x' }, packageManager: 'yarn@4.5.0+sha224.abc' }
    const { commands } = await found({ 'package.json': manifest, 'package-lock.json': '{}' })
    expect(Object.keys(commands)).toEqual(['yarn:test'])
  })

  it('a package of a monorepo takes the lockfile of its root, and none from beyond the repository', async () => {
    const files = {
      'pnpm-lock.yaml': 'x',
      'repo/.git/': '',
      'repo/yarn.lock': '',
      'repo/packages/a/package.json': scripts['package.json'],
    }
    expect(Object.keys((await found(files, 'repo/packages/a')).commands)).toEqual(['yarn:test'])
    const alone = { ...files, 'repo/packages/a/.git/': '' }
    expect(Object.keys((await found(alone, 'repo/packages/a')).commands)).toEqual(['npm:test'])
  })

  it('npm runs the scripts, with a warning, where the package manager is not installed', async () => {
    const { commands, warnings } = await found({ ...scripts, 'pnpm-lock.yaml': 'x' }, '.', {
      PATH: '/nowhere',
    })
    expect(commands).toEqual({ 'npm:test': 'npm run test' })
    expect(warnings).toEqual([
      'pnpm-lock.yaml asks for pnpm, which is not on the PATH: npm runs the scripts.',
    ])
  })

  it('tests come first, and what does not end by itself last', async () => {
    const { commands } = await found({
      'package.json': {
        scripts: {
          start: 'node x.js',
          dev: 'vite',
          site: 'vite',
          own: 'exec node packages/server/bin/millrace.js serve',
          build: 'x',
          'test:watch': 'x --watch',
          lint: 'x',
          bundle: 'vite build',
          test: 'x',
        },
      },
      Makefile: 'all:\ntest:\nserve:\n',
    })
    const names =
      'npm:test npm:lint npm:build npm:bundle make:test make:all npm:test:watch npm:start npm:dev npm:site npm:own make:serve'
    expect(Object.keys(commands)).toEqual(names.split(' '))
  })
})

describe('without a configuration file, the tools of other projects', () => {
  it('a member of a uv workspace has the tests that its root asks for, and none from beyond the repository', async () => {
    const files = {
      'pyproject.toml': '[dependency-groups]\ndev = ["pytest"]\n',
      'repo/.git/': '',
      'repo/uv.lock': '',
      'repo/pyproject.toml': '[dependency-groups]\ndev = ["pytest"]\n',
      'repo/members/a/pyproject.toml': '[project]\nname = "a"\n',
      'repo/members/a/tests/': '',
    }
    expect((await found(files, 'repo/members/a')).commands).toEqual({ 'python:pytest': 'uv run pytest' })
    const alone = { ...files, 'repo/members/a/.git/': '' }
    expect(Object.keys((await found(alone, 'repo/members/a')).commands)).toEqual(['python:unittest'])
  })

  it('a script whose name looks like an option is left out, with a warning', async () => {
    const { commands, warnings } = await found({ 'package.json': { scripts: { test: 'x', '--help': 'x' } } })
    expect(commands).toEqual({ 'npm:test': 'npm run test' })
    expect(warnings).toEqual(['"npm:--help" is skipped: its name looks like an option.'])
  })

  it.each<[string, Files, Record<string, string>]>([
    [
      'pytest in pyproject.toml, uv',
      { 'pyproject.toml': '[tool.pytest.ini_options]\n', 'uv.lock': '' },
      { 'python:pytest': 'uv run pytest' },
    ],
    [
      'pytest, poetry',
      { 'pyproject.toml': '[tool.poetry.group.dev.dependencies]\npytest = "8"\n', 'poetry.lock': '' },
      { 'python:pytest': 'poetry run pytest' },
    ],
    [
      'pytest in a venv',
      { 'pytest.ini': '', '.venv/bin/python': '' },
      { 'python:pytest': '{projectPath}/.venv/bin/python -m pytest' },
    ],
    ['pytest alone', { 'setup.cfg': '[tool:pytest]\n' }, { 'python:pytest': 'pytest' }],
    [
      'unittest',
      { 'pyproject.toml': '[project]\nname = "x"\n', 'tests/': '' },
      { 'python:unittest': 'python3 -m unittest discover -s tests' },
    ],
    ['tox and nox', { 'tox.ini': '[tox]\n', 'noxfile.py': '' }, { 'python:tox': 'tox', 'python:nox': 'nox' }],
    [
      'Go',
      { 'go.mod': 'module x\n' },
      { 'go:test': 'go test ./...', 'go:vet': 'go vet ./...', 'go:build': 'go build ./...' },
    ],
    [
      'Cargo',
      { 'Cargo.toml': '[package]\n' },
      { 'cargo:test': 'cargo test', 'cargo:check': 'cargo check', 'cargo:build': 'cargo build' },
    ],
    [
      'Maven',
      { 'pom.xml': '<project/>' },
      { 'mvn:test': 'mvn -B test', 'mvn:verify': 'mvn -B verify', 'mvn:package': 'mvn -B package' },
    ],
    [
      'Composer',
      {
        'composer.json': {
          scripts: { test: 'phpunit', 'post-install-cmd': 'x' },
          'scripts-descriptions': { test: 'Tests' },
        },
      },
      { 'composer:test': 'composer run-script --timeout=0 test' },
    ],
    ['just', { justfile: 'test:\n  true\n' }, { 'just:test': 'just test' }],
    [
      'Task',
      { 'Taskfile.yml': 'version: 3\ntasks:\n  test:\n    cmds: [x]\n' },
      { 'task:test': 'task test' },
    ],
  ])('%s', async (_name, files, expected) => {
    const { commands, warnings } = await found(files)
    expect(commands).toEqual(expected)
    expect(Object.keys(commands)).toEqual(Object.keys(expected))
    expect(warnings).toEqual([])
  })

  it.each([
    ['pom.xml', 'mvnw', 'mvn:test', '-B test'],
    ['build.gradle.kts', 'gradlew', 'gradle:test', 'test'],
  ])(
    'the wrapper of a project with %s is called, also if it may not be executed',
    async (file, wrapper, id, rest) => {
      const { commands, root } = await found({ [file]: 'x', [wrapper]: '#!/bin/sh\n' }, '.', {
        PATH: '/nowhere',
      })
      expect(commands[id]).toBe(`sh {projectPath}/${wrapper} ${rest}`)
      chmodSync(join(root, wrapper), 0o755)
      const { tools } = await load(root)
      expect(tools.get(id)?.command.join(' ')).toBe(`{projectPath}/${wrapper} ${rest}`)
      expect(tools.get(id)?.title).toBe(`./${wrapper} ${rest}`)
    },
  )

  it('tools whose program is missing are left out, and named', async () => {
    const root = workspace({ 'go.mod': 'x', 'Cargo.toml': 'x', 'bin/': '' })
    writeFileSync(join(root, 'bin', 'cargo'), '', { mode: 0o755 })
    const { tools, warnings } = await load(root, { env: { PATH: join(root, 'bin') } })
    expect([...tools.keys()]).toEqual(['cargo:test', 'cargo:check', 'cargo:build'])
    expect(warnings).toEqual(['go.mod is here, but go is not on the PATH: its tools are left out.'])
  })
})

it('the help of a Makefile is the title of a tool', async () => {
  const { titles } = await found({ Makefile: 'test: build ## Run all tests\nbuild:\n' })
  expect(titles).toEqual(['Run all tests', 'make build'])
})

it('the recipes of a justfile are those a person can call without arguments', () => {
  const text = `set shell := ["bash", "-c"]
alias b := build
name := "x"
export PATH := "x:y"

# Build it
build: dep
  echo: not a recipe
[doc('Run tests')]
[group('ci')]
test *args:
  true
deploy target:
  true
greet name="you":
  true
_hidden:
  true
[private]
secret:
  true
@quiet:
  true
`
  expect(recipesOf(text)).toEqual([
    { name: 'build', help: 'Build it' },
    { name: 'test', help: 'Run tests' },
    { name: 'greet', help: undefined },
    { name: 'quiet', help: undefined },
  ])
})

it('the tasks of a Taskfile are its keys, with their descriptions, without internal ones', () => {
  const text = `version: '3'
vars:
  A: 1
tasks:
  # a comment
  default:
    cmds:
      - task: test
  test:unit:
    desc: "Run unit tests"
    cmds: [x]
  setup:
    internal: true
  'quoted name':
    desc: Quoted # not this
  run:*:
    cmds: [y]
  short: echo hi
includes:
  docs: ./docs
`
  expect(tasksOf(text)).toEqual([
    { name: 'default', help: undefined },
    { name: 'test:unit', help: 'Run unit tests' },
    { name: 'quoted name', help: 'Quoted' },
    { name: 'short', help: undefined },
  ])
})
