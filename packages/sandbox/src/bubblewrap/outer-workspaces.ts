/**
 * Workspaces that a project is a member of: Cargo's, uv's, those of turbo and nx. Their tools write what they build and
 * remember at the root of the workspace, which a run of a member may read only. Variables lead them to the run's cache instead.
 *
 * Members are untrusted: a named pipe in the place of a file must not hold up the server.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { entryAt, isWithin } from '#paths'

interface Workspace {
  /** A directory with one of these is the root, if the text of the file matches. */
  marks: readonly (readonly [file: string, text?: RegExp])[]
  /** Where this exists in the root, members only read it. */
  unless?: string
  /** Name → directory, relative to the cache. */
  env: Readonly<Record<string, string>>
}

const workspaces: readonly Workspace[] = [
  { marks: [['Cargo.toml', /^\s*\[workspace[\].]/m]], env: { CARGO_TARGET_DIR: 'cargo-target' } },
  {
    marks: [['pyproject.toml', /^\s*\[tool\.uv\.workspace\]/m]],
    unless: '.venv',
    env: { UV_PROJECT_ENVIRONMENT: 'uv-environment' },
  },
  // A member's own file extends the one of the root.
  { marks: [['turbo.json', /^(?!.*"extends")/s]], env: { TURBO_CACHE_DIR: 'turbo' } },
  { marks: [['nx.json']], env: { NX_CACHE_DIRECTORY: 'nx/cache', NX_WORKSPACE_DATA_DIRECTORY: 'nx/data' } },
  {
    marks: [['ruff.toml'], ['.ruff.toml'], ['pyproject.toml', /^\s*\[tool\.ruff[\].]/m]],
    env: { RUFF_CACHE_DIR: 'ruff' },
  },
  {
    marks: [
      ['pytest.ini'],
      ['.pytest.ini'],
      ['pyproject.toml', /^\s*\[tool\.pytest[\].]/m],
      ['tox.ini', /^\[pytest\]/m],
      ['setup.cfg', /^\[tool:pytest\]/m],
    ],
    env: { PYTEST_ADDOPTS: '-o cache_dir=pytest' },
  },
]

const textBytesMax = 256 * 1024

/** `tree` is the top of what the run may read above the project; null if that is nothing. */
export function workspaceVariables(
  projectPath: string,
  tree: string | null,
  cache: string,
): Record<string, string> {
  if (tree === null) return {}
  const found = workspaces.flatMap(({ marks, unless, env }) => {
    const root = nearestRoot(projectPath, tree, marks)
    if (root === null || root === projectPath) return []
    return unless !== undefined && entryAt(join(root, unless)) !== null ? [] : Object.entries(env)
  })
  return Object.fromEntries(found.map(([name, value]) => [name, inCache(value, cache)]))
}

/** The last word of a value is a directory. */
function inCache(value: string, cache: string): string {
  return value.replace(/[^ =]+$/, (directory) => join(cache, directory))
}

function nearestRoot(projectPath: string, tree: string, marks: Workspace['marks']): string | null {
  for (let at = projectPath; isWithin(tree, at); at = dirname(at)) {
    if (marks.some(([file, text]) => hasMark(join(at, file), text))) return at
    if (at === tree) return null
  }
  return null
}

function hasMark(path: string, text: RegExp | undefined): boolean {
  if (!entryAt(path)?.isFile()) return false
  return text === undefined || text.test(beginningOf(path))
}

function beginningOf(path: string): string {
  let file: number | undefined
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    if (!fstatSync(file).isFile()) return ''
    const bytes = Buffer.alloc(textBytesMax)
    return bytes.toString('utf8', 0, readSync(file, bytes))
  } catch {
    return ''
  } finally {
    if (file !== undefined) closeSync(file)
  }
}
