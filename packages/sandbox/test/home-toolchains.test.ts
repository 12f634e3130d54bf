import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { finish, Workspace } from '@millrace/test-support/workspace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { homeToolchainOf } from '#bubblewrap/home-toolchains'
import type { Sandbox, SandboxedCommand } from '#sandbox'

const workspace = new Workspace()
afterAll(() => workspace.close())

const home = workspace.project('person')
const project = workspace.project('person/code/app')

function file(path: string, content = '', mode = 0o644): void {
  mkdirSync(dirname(join(home, path)), { recursive: true })
  writeFileSync(join(home, path), content, { mode })
}
const script = (path: string, text: string) => file(path, `#!/bin/sh\n${text}\n`, 0o755)

script('.pyenv/shims/snake', 'echo snake of $PYENV_ROOT; cat $PYENV_ROOT/versions/3.13/lib/module')
file('.pyenv/versions/3.13/lib/module', 'a module\n')
script('.cargo/bin/crate', 'echo crate of $RUSTUP_HOME; cat $RUSTUP_HOME/settings.toml')
file('.rustup/settings.toml', 'settings\n')
file('.cargo/credentials.toml', 'secret-token')
script('.nvm/versions/node/v20.1.0/bin/old-node', 'cat "$(dirname $0)/../lib/node_modules/x"')
file('.nvm/versions/node/v20.1.0/lib/node_modules/x', 'a package\n')
file('.nvm/alias/default', 'v20.1.0')
script('.local/pipx/venvs/lint/bin/lint', 'echo linted')
mkdirSync(join(home, '.local/bin'), { recursive: true })
symlinkSync('../pipx/venvs/lint/bin/lint', join(home, '.local/bin/lint'))
script(
  '.local/lib/node_modules/packer/bin/packer.js',
  'cat "$(dirname $(readlink -f $0))/../../dependency/x"',
)
file('.local/lib/node_modules/dependency/x', 'packed\n')
symlinkSync('../lib/node_modules/packer/bin/packer.js', join(home, '.local/bin/packer'))
file('envs/tool/pyvenv.cfg', 'home = /usr/bin\n')
file('envs/tool/lib/module', 'of the environment\n')
script('envs/tool/bin/scripted', 'cat "$(dirname $(readlink -f $0))/../lib/module"')
symlinkSync(join(home, 'envs/tool/bin/scripted'), join(home, '.local/bin/scripted'))
script('downloads/single-2.0', 'echo single')
file('downloads/beside', 'secret')
symlinkSync('../../downloads/single-2.0', join(home, '.local/bin/single'))
script('private/bin/own', 'echo own')
file('private/key', 'secret')
symlinkSync('../../private/key', join(home, '.local/bin/key'))
symlinkSync('../../code/other/run', join(home, '.local/bin/of-another-project'))
script('code/other/run', 'echo secret')
script('.config/secret', 'echo secret')
file('.ssh/id_ed25519', 'secret')

const directories = [
  '.pyenv/shims',
  '.cargo/bin',
  '.nvm/versions/node/v20.1.0/bin',
  '.local/bin',
  'private/bin',
  '.ssh',
].map((path) => join(home, path))
const serverEnv = { HOME: home, PATH: [...directories, 'relative', '/usr/bin'].join(':') }
let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await workspace.open([project, join(home, 'code/other')], { serverEnv })
})

const sh = async (text: string, options: Partial<SandboxedCommand> = {}) =>
  (await workspace.sh(sandbox, project, text, options)).stdout

describe('toolchains in the home of the server’s user', () => {
  it.each([
    ['pyenv', 'snake', `snake of ${home}/.pyenv\na module\n`],
    ['rustup', 'crate', `crate of ${home}/.rustup\nsettings\n`],
    ['nvm', 'old-node', 'a package\n'],
    ['pipx', 'lint', 'linted\n'],
    ['npm with the prefix ~/.local', 'packer', 'packed\n'],
    ['a virtual environment that ~/.local/bin links to', 'scripted', 'of the environment\n'],
    ['a single file that ~/.local/bin links to', 'single', 'single\n'],
  ])('a program of %s runs inside and finds its files', async (_name, program, printed) => {
    expect(await sh(program)).toBe(printed)
  })

  it('nothing else of the home is seen, no credential, and nothing can be written', async () => {
    const found = await sh(
      `cd ${home}; find . -type f -not -path './code/*' | sort; for d in $(find . -type d -not -path './code*'); do (echo x > $d/new) 2>/dev/null && echo wrote $d; done; true`,
    )
    expect(found.trim().split('\n')).toEqual([
      './.cargo/bin/crate',
      './.local/lib/node_modules/dependency/x',
      './.local/lib/node_modules/packer/bin/packer.js',
      './.local/pipx/venvs/lint/bin/lint',
      './.nvm/versions/node/v20.1.0/bin/old-node',
      './.nvm/versions/node/v20.1.0/lib/node_modules/x',
      './.pyenv/shims/snake',
      './.pyenv/versions/3.13/lib/module',
      './.rustup/settings.toml',
      './downloads/single-2.0',
      './envs/tool/bin/scripted',
      './envs/tool/lib/module',
      './envs/tool/pyvenv.cfg',
    ])
  })

  it('what is left out of the PATH is reported with its reason', () => {
    expect(sandbox.report.path?.directories).toEqual(expect.arrayContaining(directories.slice(0, 4)))
    expect(sandbox.report.path?.leftOut).toEqual([
      { directory: join(home, 'private/bin'), why: expect.stringMatching(/lies in the home.*sandbox\.read/) },
      { directory: join(home, '.ssh'), why: expect.stringMatching(/lies in the home/) },
      { directory: 'relative', why: 'it is not an absolute path' },
    ])
  })

  it('a directory that sandbox.read names is on the PATH, also with ~', async () => {
    const reading = await workspace.open([project], { serverEnv, readPaths: ['~/private'] })
    expect((await workspace.sh(reading, project, 'own')).stdout).toBe('own\n')
  })

  it('without a boundary the programs find their files as well', async () => {
    const loose = await workspace.open([project], { serverEnv, mode: 'off' })
    expect((await workspace.sh(loose, project, 'crate')).stdout).toBe(`crate of ${home}/.rustup\nsettings\n`)
  })
})

describe("a project's virtual environment", () => {
  it('its interpreter runs although the toolchain that it is of is not on the PATH', async () => {
    script('miniforge3/bin/python3.13', 'cat "$(dirname $(readlink -f $0))/../lib/module"')
    file('miniforge3/lib/module', 'of conda\n')
    mkdirSync(join(project, '.venv/bin'), { recursive: true })
    symlinkSync(join(home, 'miniforge3/bin/python3.13'), join(project, '.venv/bin/python'))
    expect(await sh('.venv/bin/python')).toBe('of conda\n')
    const child = await workspace.spawn(sandbox, project, ['.venv/bin/python'])
    expect((await finish(child)).stdout).toBe('of conda\n')
  })

  it.each([
    ['what is no toolchain', 'private/bin/own'],
    ['a secret', '.ssh/id_ed25519'],
    ['a file beside a toolchain', '.cargo/credentials.toml'],
    ['the project of others', 'code/other/run'],
  ])('one that a run made leads to nothing new: %s', async (_what, target) => {
    mkdirSync(join(project, 'venv/bin'), { recursive: true })
    symlinkSync(join(home, target), join(project, 'venv/bin/python'))
    expect(await sh(`cat ${home}/${target} venv/bin/python 2>/dev/null`)).toBe('')
    rmSync(join(project, 'venv'), { recursive: true })
  })
})

describe('a program that runs cannot see', () => {
  it('a link on the PATH that leads to one is named with what it leads to', async () => {
    const spawn = workspace.spawn(sandbox, project, ['of-another-project'])
    await expect(spawn).rejects.toThrow(
      `the program of-another-project is ${home}/.local/bin/of-another-project, a link to ${home}/code/other/run, which runs cannot see; add ${home}/code/other to sandbox.read`,
    )
  })

  it('an interpreter is named with the script that needs it', async () => {
    script('private/bin/interpreter', '')
    file('code/app/scripted', `#!${home}/private/bin/interpreter\n`, 0o755)
    file('.cargo/bin/scripted-crate', `#!${home}/private/bin/interpreter\n`, 0o755)
    const why = `${home}/private/bin/interpreter, which runs cannot see; add ${home}/private to sandbox.read`
    await expect(workspace.spawn(sandbox, project, ['./scripted'])).rejects.toThrow(why)
    await expect(workspace.spawn(sandbox, project, ['scripted-crate'])).rejects.toThrow(why)
  })
})

describe('the PATH of a tool', () => {
  it('takes the place of that of all runs', async () => {
    script('code/app/bin/hello', 'echo hello')
    expect(await sh('hello; echo $PATH', { env: { PATH: `${project}/bin:/usr/bin:/bin` } })).toBe(
      `hello\n${project}/bin:/usr/bin:/bin\n`,
    )
    const missing = workspace.spawn(sandbox, project, ['snake'], { env: { PATH: '/usr/bin:/bin' } })
    await expect(missing).rejects.toThrow('snake was not found on the PATH of runs (/usr/bin:/bin)')
  })

  it('may name the home, the PATH of all runs, and a directory of the project', async () => {
    const env = { PATH: '~/.cargo/bin:bin:$PATH' }
    expect(await sh('hello; crate; lint', { env })).toMatch(/^hello\ncrate of .*\nsettings\nlinted\n$/)
    const child = await workspace.spawn(sandbox, project, ['hello'], { env: { PATH: 'bin:/bin' } })
    expect((await finish(child)).stdout).toBe('hello\n')
  })

  it('shows nothing that the PATH of the server would not', async () => {
    const env = { PATH: `${home}/.ssh:${home}/.config:${home}:${workspace.dataDir}:/usr/bin:/bin` }
    expect(await sh(`echo $PATH; ls -A ${home}/.ssh ${home}/.config 2>/dev/null`, { env })).toBe(
      '/usr/bin:/bin\n',
    )
  })
})

describe('a directory that is no toolchain', () => {
  it.each([
    '.ssh',
    '.aws',
    '.config',
    '.cargo',
    '.gnupg/bin',
    '.local',
    '.local/share',
    '.composer',
    'Documents',
    '.',
    '.pyenv/../.ssh/bin',
  ])('%s is not shown', (directory) => {
    expect(homeToolchainOf(directory)).toBeNull()
  })
})
