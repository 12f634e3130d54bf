import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkKeys } from '#cli/doctor/agent'
import type { Check } from '#cli/doctor/check'
import { checkNode } from '#cli/doctor/machine'
import { place, run } from '#test/cli/child'

describe('millrace doctor', () => {
  it('doctor shows the result of every check', async () => {
    const where = place({ 'package.json': { scripts: { test: 'true' } } })
    const machine = await run(['doctor', '--json'], where, { ANTHROPIC_API_KEY: 'sk-secret' })
    const { ok, checks } = JSON.parse(machine.stdout) as { ok: boolean; checks: Check[] }
    expect(machine.code).toBe(ok ? 0 : 1)
    const names = new Set(checks.map((check) => check.name))
    expect([...names]).toEqual([
      'node',
      'limits',
      'configuration',
      'data directory',
      'sandbox',
      'agent',
      'models',
      'keys',
    ])
    const detail = (name: string) => checks.find((check) => check.name === name)?.detail
    expect(detail('configuration')).toContain('1 project, 1 tool')
    expect(detail('data directory')).toContain(where.dataDir)
    expect(machine.stdout + machine.stderr).not.toContain('sk-secret')
    const plain = await run(['doctor'], where)
    expect(plain.stdout).toMatch(/^node +ok {2}24\./)
    expect(plain.stdout).toMatch(/\nagent +ok {2}the policy holds/)
    expect(plain.stdout).toMatch(/\n +-- {2}the boundary of an agent is the sandbox; the policy decides/)
    expect(plain.stdout).toMatch(/\nkeys +-- {2}ANTHROPIC_API_KEY is not set/)
  })

  it('doctor tries out the sandbox without a data directory, and creates none', async () => {
    const where = place()
    const dataDir = join(where.cwd, '../state/not/yet/there')
    const { code, stdout } = await run(['doctor', '--data', dataDir], where)
    expect(stdout).toMatch(/\nsandbox +ok {2}bubblewrap/)
    expect(code).toBe(0)
    expect(existsSync(join(where.cwd, '../state/not'))).toBe(false)
  })

  it('doctor removes nothing that the runs of a server need', async () => {
    const where = place()
    const standIn = join(where.cwd, '.mcp.json')
    const journal = join(where.dataDir, 'placeholders.json')
    mkdirSync(where.dataDir, { recursive: true, mode: 0o700 })
    writeFileSync(standIn, '')
    writeFileSync(journal, JSON.stringify([{ path: standIn, kind: 'file', content: '' }]))
    const before = readFileSync(journal, 'utf8')
    const { stdout } = await run(['doctor'], where)
    expect(stdout).toMatch(/\nsandbox +ok {2}bubblewrap/)
    expect(existsSync(standIn)).toBe(true)
    expect(readFileSync(journal, 'utf8')).toBe(before)
    expect(readdirSync(where.dataDir).filter((name) => name.startsWith('doctor-'))).toEqual([])
  })

  it('doctor fails on a wrong configuration, problem by problem, and continues', async () => {
    const where = place({ 'millrace.config.json': { projects: { a: { path: 'gone' } }, limit: 5 } })
    const ended = await run(['doctor'], where)
    expect(ended.code).toBe(1)
    expect(ended.stdout).toContain('XX  limit: expected no such key; did you mean "limits"?')
    expect(ended.stdout).toContain(`XX  projects.a.path: expected an existing directory`)
    expect(ended.stdout).toContain('keys')
  })

  it('doctor fails on an agent option that would break the boundary, and warns about a missing program', async () => {
    const config = (agent: object) => ({ projects: { a: { path: '.' } }, agent })
    const reserved = place({ 'millrace.config.json': config({ permissionMode: 'bypassPermissions' }) })
    const refused = await run(['doctor'], reserved)
    expect(refused.code).toBe(1)
    expect(refused.stdout).toMatch(/XX {2}agent\.permissionMode: expected no such key: the policy decides/)
    const missing = place({ 'millrace.config.json': config({ pathToClaudeCodeExecutable: '/nowhere' }) })
    const warned = await run(['doctor'], missing)
    expect(warned.code).toBe(0)
    expect(warned.stdout).toMatch(/agent +!! {2}.*\/nowhere cannot be executed/)
  })

  it('doctor fails on an address without a server', async () => {
    const where = place()
    const env = { MILLRACE_TOKEN: 'sixteen-letters-or-more' }
    const url = 'http://127.0.0.1:9'
    const ended = await run(['doctor', '--url', url, '--data', join(where.cwd, '../data')], where, env)
    expect(ended.code).toBe(1)
    expect(ended.stdout).toMatch(/stream +XX {2}http:\/\/127\.0\.0\.1:9/)
  })
})

describe('what a machine needs', () => {
  it('a machine needs Node 24.12', () => {
    expect(['22.1.0', '24.11.9', '24.12.0', '25.0.0'].map((version) => checkNode(version).status)).toEqual([
      'fail',
      'fail',
      'ok',
      'ok',
    ])
  })

  it('a missing key is only mentioned', () => {
    expect(checkKeys({})).toMatchObject([
      { status: 'info', detail: expect.stringContaining('scripted demo model') },
    ])
    const [check] = checkKeys({ ANTHROPIC_API_KEY: 'sk-secret', ANTHROPIC_BASE_URL: 'http://proxy' })
    expect(check?.detail).toBe('ANTHROPIC_API_KEY is set; requests go to http://proxy')
  })
})
