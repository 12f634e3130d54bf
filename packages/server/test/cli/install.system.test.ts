import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '@millrace/test-support/folders'
import { describe, expect, it } from 'vitest'
import { packageVersion } from '#compose/package-version'
import { bin } from './child.ts'

const script = fileURLToPath(new URL('../../../../scripts/install-command.ts', import.meta.url))
const oldNode = `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.1.0'}})`

function call(command: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: temporaryFolder(),
    env: { PATH: '/usr/bin:/bin', ...env },
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

describe.runIf(process.platform === 'linux')('the program on an old Node', () => {
  const onOldNode = (...args: string[]) => call(process.execPath, ['--import', oldNode, bin, ...args])

  it('an old Node hands over to the installed one, with arguments, output and exit code', () => {
    expect(onOldNode('--version')).toEqual({ status: 0, stdout: `${packageVersion}\n`, stderr: '' })
    expect(onOldNode('run')).toMatchObject({ status: 2, stdout: '' })
  })

  it('an old Node of an installed package is refused without the remedy of a checkout', () => {
    const folder = temporaryFolder()
    const installed = join(folder, 'millrace.js')
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    writeFileSync(installed, readFileSync(bin))
    expect(call(process.execPath, ['--import', oldNode, installed])).toEqual({
      status: 1,
      stdout: '',
      stderr: `millrace needs Node 24.12 or newer, and this is ${process.version}: install Node 24.\n`,
    })
  })
})

describe('the cache of compiled code', () => {
  const version = (env: NodeJS.ProcessEnv) => call(process.execPath, [bin, '--version'], env)
  const succeeds = { status: 0, stdout: `${packageVersion}\n`, stderr: '' }

  it("compiled code is kept in the user's cache directory, which nobody else can enter", () => {
    const caches = join(temporaryFolder(), 'caches')
    expect(version({ XDG_CACHE_HOME: caches })).toEqual(succeeds)
    const folder = join(caches, 'millrace', 'compiled')
    expect(readdirSync(folder, { recursive: true }).length).toBeGreaterThan(10)
    expect(statSync(folder).mode & 0o077).toBe(0)
  })

  it('a program that can keep nothing works anyway', () => {
    // Seen looping forever: no folder can be made in /proc.
    expect(version({ XDG_CACHE_HOME: '/proc/none', HOME: '/proc/none' })).toEqual(succeeds)
  })
})

describe('npm run install-command', () => {
  const install = (home: string) => call(process.execPath, [script], { HOME: home })

  it('the installed command works in every folder, also after it was installed again', () => {
    const home = join(temporaryFolder(), "a'b c")
    expect(install(home)).toMatchObject({ status: 0 })
    const again = install(home)
    expect(again).toMatchObject({ status: 0, stderr: '' })
    expect(again.stdout).toContain('is not on your PATH yet')
    expect(call(join(home, '.local/bin/millrace'), ['--version'])).toEqual({
      status: 0,
      stdout: `${packageVersion}\n`,
      stderr: '',
    })
  })

  it('a file of that name from elsewhere is left alone', () => {
    const home = temporaryFolder()
    mkdirSync(join(home, '.local/bin'), { recursive: true })
    const path = join(home, '.local/bin/millrace')
    writeFileSync(path, 'mine')
    expect(install(home)).toMatchObject({ status: 1, stderr: expect.stringContaining('move it away first') })
    expect(readFileSync(path, 'utf8')).toBe('mine')
  })
})
