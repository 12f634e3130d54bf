/** What a program inside finds on its descriptors 0 to 2, and how its end is reported. */
import { createHash } from 'node:crypto'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { finish, Workspace } from '@millrace/test-support/workspace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { builtFrom, sources } from '#launcher/binaries'
import { launcherProgram } from '#launcher/launcher'
import type { Sandbox } from '#sandbox'

const workspace = new Workspace()
const project = workspace.project('project')
const theirs = workspace.project('theirs', 'somebody')
afterAll(() => workspace.close())

describe.each(['required', 'off'] as const)('with the sandbox %s', (mode) => {
  let sandbox: Sandbox
  beforeAll(async () => {
    sandbox = await workspace.open([project, theirs], { mode })
  })

  it.each([
    ['echo out | tee /dev/stderr', { stdout: 'out\n', stderr: 'out\n' }],
    ['echo out > /dev/stdout', { stdout: 'out\n', stderr: '' }],
    ['echo err > /dev/stderr', { stdout: '', stderr: 'err\n' }],
    ['echo out >> /proc/self/fd/1', { stdout: 'out\n', stderr: '' }],
    ['test -p /dev/stdout && test -p /dev/stderr && echo pipes', { stdout: 'pipes\n', stderr: '' }],
  ])('a program can open its output again by name: %s', async (script, expected) => {
    for (const place of [project, theirs]) {
      const { exit, ...output } = await workspace.sh(sandbox, place, script, { stdin: 'none' })
      expect({ ...output, exit }).toEqual({ ...expected, exit: { code: 0, signal: null } })
    }
  })

  it.each([
    ['cat /dev/stdin', ''],
    ['cat', ''],
    ['readlink /proc/self/fd/0', '/dev/null\n'],
  ])('a program without input reads /dev/null: %s', async (script, stdout) => {
    const ran = await workspace.sh(sandbox, project, script, { stdin: 'none' })
    expect(ran).toEqual({ stdout, stderr: '', exit: { code: 0, signal: null } })
  })

  it('a program with input reads what is written to it', async () => {
    const child = await workspace.spawn(sandbox, project, ['cat'])
    child.stdin.write('hello')
    expect((await finish(child)).stdout).toBe('hello')
  })

  it.each([0, 1, 126, 127, 128, 129, 130, 137, 143, 255])(
    'an exit code of %i is an exit code and no signal',
    async (code) => {
      const { exit } = await workspace.sh(sandbox, project, `exit ${code}`)
      expect(exit).toEqual({ code, signal: null })
    },
  )

  it.each(['SIGHUP', 'SIGINT', 'SIGKILL', 'SIGSEGV', 'SIGTERM', 'SIGUSR1'] as const)(
    'a program that ends by %s is reported to have ended by it',
    async (signal) => {
      const { exit } = await workspace.sh(sandbox, project, `kill -${signal.slice(3)} $$`)
      expect(exit).toEqual({ code: null, signal })
    },
  )

  it('a script without a first line that names a shell is run by sh', async () => {
    writeFileSync(join(project, 'plain'), 'echo "plain $1"\n')
    chmodSync(join(project, 'plain'), 0o755)
    const ran = await finish(await workspace.spawn(sandbox, project, ['./plain', 'text']))
    expect(ran).toMatchObject({ stdout: 'plain text\n', exit: { code: 0 } })
  })

  it('fifty programs at once each get their own pipes', async () => {
    const runs = Array.from({ length: 50 }, (_, n) => workspace.sh(sandbox, project, `echo ${n}; exit ${n}`))
    const ran = await Promise.all(runs)
    expect(ran.map(({ stdout, exit }) => [stdout, exit.code])).toEqual(ran.map((_, n) => [`${n}\n`, n]))
  })
})

it('the launcher inside is the one whose source is in the repository', () => {
  const hash = createHash('sha256')
  for (const name of sources) hash.update(readFileSync(new URL(`../launcher/${name}`, import.meta.url)))
  expect(builtFrom).toBe(hash.digest('hex'))
})

it.each(['x64', 'arm64'])('the launcher for %s is an ELF file without an interpreter', (machine) => {
  const program = launcherProgram(machine)
  expect(program?.subarray(0, 4).toString('latin1')).toBe('\x7fELF')
  expect(program?.includes('ld-linux')).toBe(false)
})
