import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { git, Workspace } from '@millrace/test-support/workspace'
import { afterAll, describe, expect, it } from 'vitest'
import { workspaceVariables } from '#bubblewrap/outer-workspaces'

const place = new Workspace()
afterAll(() => place.close())

const tree = place.project('tree')
const member = place.project('tree/members/one')
const variables = () => workspaceVariables(member, tree, '/cache')

function withFiles(files: Record<string, string>, check: () => void): void {
  const paths = Object.keys(files).map((file) => join(tree, file))
  for (const [index, content] of Object.values(files).entries()) {
    const path = paths[index] ?? ''
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
  }
  try {
    check()
  } finally {
    for (const path of paths) rmSync(path)
  }
}

describe('the tools of a workspace that the project is a member of', () => {
  it.each<[name: string, file: string, content: string, env: Record<string, string>]>([
    [
      'Cargo',
      'Cargo.toml',
      '[workspace]\nmembers = ["members/*"]\n',
      { CARGO_TARGET_DIR: '/cache/cargo-target' },
    ],
    [
      'uv',
      'pyproject.toml',
      '[project]\nname = "x"\n\n[tool.uv.workspace]\nmembers = ["members/*"]\n',
      { UV_PROJECT_ENVIRONMENT: '/cache/uv-environment' },
    ],
    ['turbo', 'turbo.json', '{ "tasks": {} }', { TURBO_CACHE_DIR: '/cache/turbo' }],
    [
      'nx',
      'nx.json',
      '{}',
      { NX_CACHE_DIRECTORY: '/cache/nx/cache', NX_WORKSPACE_DATA_DIRECTORY: '/cache/nx/data' },
    ],
    ['ruff', 'members/pyproject.toml', '[tool.ruff.lint]\n', { RUFF_CACHE_DIR: '/cache/ruff' }],
    ['pytest', 'setup.cfg', '[metadata]\n[tool:pytest]\n', { PYTEST_ADDOPTS: '-o cache_dir=/cache/pytest' }],
  ])('what %s would write at its root goes to the cache', (_name, file, content, env) => {
    withFiles({ [file]: content }, () => expect(variables()).toEqual(env))
    expect(variables()).toEqual({})
  })

  it('nothing is led elsewhere where the project is a root itself', () => {
    const root = '[workspace]\n'
    withFiles({ 'Cargo.toml': root, 'members/one/Cargo.toml': root }, () => expect(variables()).toEqual({}))
    withFiles({ 'Cargo.toml': root }, () => {
      expect(workspaceVariables(tree, tree, '/cache')).toEqual({})
      expect(workspaceVariables(member, null, '/cache')).toEqual({})
    })
  })

  it('a file of a member, or one that only looks like a root, is none', () => {
    withFiles(
      {
        'turbo.json': '{}',
        'members/one/turbo.json': '{\n  "extends": ["//"],\n  "tasks": {}\n}',
        'Cargo.toml': '[package]\nworkspace = ".."\n# [workspace]\n',
        'pyproject.toml': '[tool.ruffian]\n',
      },
      () => expect(variables()).toEqual({ TURBO_CACHE_DIR: '/cache/turbo' }),
    )
  })

  it("an environment at uv's root is read as it is", () => {
    mkdirSync(join(tree, '.venv'))
    withFiles({ 'pyproject.toml': '[tool.uv.workspace]\n' }, () => expect(variables()).toEqual({}))
    rmSync(join(tree, '.venv'), { recursive: true })
  })

  it('a named pipe in the place of a file holds nobody up', () => {
    const pipes = [join(member, 'Cargo.toml'), join(member, 'nx.json')]
    execFileSync('sh', ['-c', 'mkfifo "$@"', 'sh', ...pipes])
    expect(variables()).toEqual({})
    for (const pipe of pipes) rmSync(pipe)
  })
})

it('a run of a member can write where its tools are led, and a tool may lead them elsewhere', async () => {
  git(tree, 'init', '--quiet')
  const script =
    'mkdir -p $CARGO_TARGET_DIR && echo built > $CARGO_TARGET_DIR/x; cat $CARGO_TARGET_DIR/x; echo $CARGO_TARGET_DIR'
  const sandbox = await place.open([member])
  writeFileSync(join(tree, 'Cargo.toml'), '[workspace]\n')
  expect((await place.sh(sandbox, member, script)).stdout).toBe('built\n/home/run/.cache/cargo-target\n')
  const env = { CARGO_TARGET_DIR: 'target' }
  expect((await place.sh(sandbox, member, script, { env })).stdout).toBe('built\ntarget\n')
})
