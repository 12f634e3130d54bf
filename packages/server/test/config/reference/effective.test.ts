import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { effectiveValues } from '#config/reference/effective'
import { masked } from '#config/reference/mask'
import type { ConfigFlags } from '#config/settings'
import { workspace } from '../workspace.ts'

async function valuesIn(cwd: string, flags: ConfigFlags = {}, env: NodeJS.ProcessEnv = {}) {
  const values = await effectiveValues({ flags, env: { HOME: workspace(), ...env }, cwd })
  return new Map(values.map(({ key, value, source }) => [key, [value, source]]))
}

describe('the effective configuration', () => {
  it('a flag wins over a variable, a variable over the file, the file over the default, and each is named', async () => {
    const root = workspace({
      'millrace.config.json': {
        projects: { 'a.b': { path: '.' } },
        tools: { 'x.y': { command: ['make'], env: { CI: '1', NPM_TOKEN: 'of-the-registry' } } },
        http: { port: 5000, host: '127.0.0.2' },
        limits: { streams: 7 },
        agent: { env: { A: 'b' }, mcpServers: { x: { headers: { Authorization: 'Bearer one' } } } },
      },
    })
    const file = join(root, 'millrace.config.json')
    const env = { MILLRACE_PORT: '6000', MILLRACE_HOST: '127.0.0.3', ANTHROPIC_API_KEY: 'sk-of-the-model' }
    const values = await valuesIn(root, { port: '7000' }, env)
    expect(values.get('http.port')).toEqual([7000, '--port'])
    expect(values.get('http.host')).toEqual(['127.0.0.3', 'MILLRACE_HOST'])
    expect(values.get('limits.streams')).toEqual([7, file])
    expect(values.get('limits.startsPerMinute')).toEqual([60, 'default'])
    expect(values.get('projects.a.b.path')).toEqual([root, file])
    expect(values.get('tools.x.y.env.CI')).toEqual(['1', file])
    expect(values.get('agent.env.A')).toEqual(['b', file])
    expect(values.get('policy.approvals')).toEqual(['off', 'default'])
    expect(values.get('configuration file')).toEqual([file, `found in ${root}`])
    expect(values.get('ANTHROPIC_API_KEY')).toEqual(['********', 'ANTHROPIC_API_KEY'])
    expect(values.get('MILLRACE_TOKEN')).toEqual([null, 'default'])
    expect(JSON.stringify([...values])).not.toMatch(/of-the-|Bearer one/)
  })

  it('without a file, projects and tools are named as found', async () => {
    const root = workspace({ 'package.json': { scripts: { test: 'true' } } })
    const values = await valuesIn(root)
    expect(values.get('http.port')).toEqual([4000, 'default'])
    const [key, found] = [...values].find(([name]) => name.endsWith('npm:test.command')) ?? []
    expect(key).toBe('tools.npm:test.command')
    expect(found?.[1]).toBe(`found in ${root}`)
  })

  it.each([
    ['store.url', 'postgres://me:pass@db/x', 'postgres://me:********@db/x'],
    ['tools.a.command', ['deploy', '--token=abc'], ['deploy', '--token=********']],
    ['models.local.apiKey', 'x', '********'],
    ['models.local.apiKeyEnv', 'LOCAL_KEY', 'LOCAL_KEY'],
    ['limits.tokens', 5, 5],
    ['x.y', 'before the-secret-itself after', 'before ******** after'],
    ['agent.list', [{ password: 'p' }], [{ password: '********' }]],
  ])('of %s, %j is shown as %j', (key, value, shown) => {
    expect(masked(key, value, ['the-secret-itself'])).toEqual(shown)
  })
})
