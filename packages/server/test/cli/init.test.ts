import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '#config/load'
import { place, run } from './child.ts'

const files = {
  'package.json': { scripts: { test: 'x', dev: 'vite' } },
  'pnpm-lock.yaml': 'x',
  Makefile: 'all: ## Everything\n',
}

describe('millrace init', () => {
  it('init writes a file that gives the project and tools of a start without one', async () => {
    const where = place(files)
    const { PATH: _path, ...env } = where.env
    const load = () => loadConfig({ flags: {}, env, cwd: where.cwd })
    const before = await load()
    const ended = await run(['init'], { ...where, env })
    expect(ended.code).toBe(0)
    const path = join(where.cwd, 'millrace.config.json')
    expect(ended.stdout).toBe(`Wrote ${path}: project "app", 3 tools\n`)
    const after = await load()
    expect(after.configFile).toBe(path)
    expect([...after.tools.keys()]).toEqual(['pnpm:test', 'make:all', 'pnpm:dev'])
    expect([...after.tools]).toEqual([...before.tools])
    expect([...after.projects]).toEqual([...before.projects])
  })

  it.each(['millrace.config.json', 'millrace.config.ts', 'millrace.config.js'])(
    'init leaves an existing %s as it is',
    async (name) => {
      const where = place(files)
      const path = join(where.cwd, name)
      writeFileSync(path, 'mine')
      const ended = await run(['init', '--json'], where)
      expect(ended).toMatchObject({ code: 1, stdout: '' })
      expect(ended.stderr).toContain(`${name} already exists`)
      expect(readFileSync(path, 'utf8')).toBe('mine')
    },
  )

  it('init of a directory without tools still writes the project, and says so', async () => {
    const where = place()
    const ended = await run(['init'], where)
    expect(ended.stderr).toContain('No tools were found')
    const written = JSON.parse(readFileSync(join(where.cwd, 'millrace.config.json'), 'utf8'))
    expect(written).toEqual({ projects: { app: { path: '.' } }, tools: {} })
  })
})
