import { spawnSync } from 'node:child_process'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { load, workspace } from './workspace.ts'

const source = fileURLToPath(new URL('../../../../examples/sample-project', import.meta.url))

async function sample() {
  const root = join(workspace(), 'sample-project')
  cpSync(source, root, { recursive: true })
  const { tools, warnings } = await load(root)
  const call = (id: string) => {
    const [program, ...args] = tools.get(id)?.command ?? ['']
    // The test runner of this test must not be taken for the one of the project.
    const { NODE_OPTIONS: _options, NODE_TEST_CONTEXT: _context, ...env } = process.env
    return spawnSync(program, args, { cwd: root, encoding: 'utf8', env: { ...env, STEP_MS: '0' } })
  }
  return { tools: [...tools.keys()], warnings, call }
}

describe('the sample project', () => {
  it('the sample project offers its scripts and targets as tools', async () => {
    const { tools, warnings } = await sample()
    const npm = ['npm:test', 'npm:check', 'npm:build', 'npm:report']
    const make = ['make:test', 'make:check', 'make:all', 'make:build', 'make:report', 'make:clean']
    expect(tools).toEqual([...npm, ...make])
    expect(warnings).toEqual([])
  })

  it('the sample project has one failing test, for the reason its README gives', async () => {
    const { call } = await sample()
    const { status, stdout } = call('npm:test')
    expect(status).toBe(1)
    expect(stdout).toMatch(/^. fail 1$/m)
    expect(stdout).toContain('of exactly one hour is written as one hour')
  })

  it('the rest of the sample project works, and shows its progress', async () => {
    const { call } = await sample()
    expect(call('npm:check')).toMatchObject({ status: 0, stdout: expect.stringContaining(' 0 complaints') })
    expect(call('npm:report')).toMatchObject({ status: 0, stdout: expect.stringContaining('4h 20m  parser') })
    const build = call('make:build')
    expect(build.stdout).toMatch(/\[1\/3\] duration\.js\n.*\[3\/3\] timesheet\.js\nbuilt 3 files/s)
    expect(build.stderr).toContain('\r##########')
  })
})
