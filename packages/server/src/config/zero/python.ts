/** The tests of a Python project, in the environment that its lockfile or its folder names. */
import type { Folder, FoundTool } from './folder.ts'

/** A program that runs another in the project's environment. */
const runners: readonly { lockfile: string; program: string }[] = [
  { lockfile: 'uv.lock', program: 'uv' },
  { lockfile: 'poetry.lock', program: 'poetry' },
  { lockfile: 'pdm.lock', program: 'pdm' },
  { lockfile: 'Pipfile.lock', program: 'pipenv' },
]
const environments = ['.venv/bin/python', 'venv/bin/python']

export async function pythonTools(folder: Folder): Promise<FoundTool[]> {
  const pyproject = (await folder.read('pyproject.toml')) ?? ''
  const tools = await testTools(folder, pyproject)
  const hasTox =
    (await folder.firstOf(['tox.ini', 'tox.toml'])) !== undefined || /^\[tool\.tox\b/m.test(pyproject)
  if (hasTox) tools.push(...(await runBy(folder, 'tox', 'tox', [])))
  if ((await folder.firstOf(['noxfile.py'])) !== undefined)
    tools.push(...(await runBy(folder, 'nox', 'nox', [])))
  return tools
}

async function testTools(folder: Folder, pyproject: string): Promise<FoundTool[]> {
  const setup = (await folder.read('setup.cfg')) ?? ''
  const tox = (await folder.read('tox.ini')) ?? ''
  const usesPytest =
    (await folder.firstOf(['pytest.ini', '.pytest.ini', 'conftest.py', 'tests/conftest.py'])) !== undefined ||
    // The members of a workspace share what its root asks for.
    (pyproject !== '' &&
      (await folder.readAbove('pyproject.toml')).some((text) => /\bpytest\b/.test(text))) ||
    /^\[(?:tool:)?pytest\]/m.test(`${setup}\n${tox}`) ||
    /^pytest\b/m.test((await folder.read('requirements-dev.txt')) ?? '') ||
    /^pytest\b/m.test((await folder.read('requirements.txt')) ?? '')
  if (usesPytest) return runBy(folder, 'pytest', 'pytest', [])
  const isPython = pyproject !== '' || (await folder.firstOf(['setup.py', 'setup.cfg'])) !== undefined
  if (!isPython || (await folder.firstOf(['tests', 'test'])) === undefined) return []
  return runBy(folder, 'unittest', 'unittest', [
    'discover',
    '-s',
    (await folder.firstOf(['tests', 'test'])) ?? '.',
  ])
}

/** A module of Python, run by what the project uses. */
async function runBy(folder: Folder, name: string, module: string, args: string[]): Promise<FoundTool[]> {
  const tool = (command: FoundTool['command']): FoundTool => ({
    id: `python:${name}`,
    title: command.join(' ').replace('{projectPath}/', ''),
    command,
  })
  const direct = name === 'unittest' ? ['python', '-m', module, ...args] : [module, ...args]
  for (const { lockfile, program } of runners) {
    if ((await folder.firstAbove([lockfile])) === undefined) continue
    return folder.needing(program, lockfile, [tool([program, 'run', ...direct])])
  }
  const python = await folder.firstOf(environments)
  if (python !== undefined) return [tool([`{projectPath}/${python}`, '-m', module, ...args])]
  // Installed by pipx or pyenv, it need not be a module of the first Python.
  if (name !== 'unittest' && (await folder.isInstalled(module))) return [tool([module, ...args])]
  return folder.needing('python3', `${name}'s configuration`, [tool(['python3', '-m', module, ...args])])
}
