import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { agentsResponse } from '@millrace/protocol/schemas'
import { temporaryFolder } from '@millrace/test-support/folders'
import { expect, it } from 'vitest'
import { offeredAgents } from '#compose/acp'
import { loadConfig } from '#config/load'

it('the agents a session may name are the built-in one and those of the configuration, each with why it cannot start', async () => {
  const [cwd, bin, data] = [temporaryFolder(), temporaryFolder(), temporaryFolder()]
  writeFileSync(join(bin, 'gemini'), '')
  chmodSync(join(bin, 'gemini'), 0o755)
  const { agents } = await loadConfig({
    flags: { data, port: '0' },
    env: {},
    cwd,
    content: {
      projects: { web: { path: cwd } },
      agents: { gemini: {}, codex: {}, own: { command: ['/no/such/program'] }, opencode: { mode: 'build' } },
    },
  })
  const offered = offeredAgents({ available: false, reason: 'There is no key.' }, agents, [bin])
  expect(agentsResponse.parse({ agents: offered }).agents).toEqual([
    { name: 'claude', kind: 'claude', asks: true, available: false, reason: 'There is no key.' },
    { name: 'gemini', kind: 'acp', asks: true, available: true },
    {
      name: 'codex',
      kind: 'acp',
      asks: false,
      available: false,
      reason: 'codex-acp is not installed where runs can see it',
    },
    {
      name: 'own',
      kind: 'acp',
      asks: null,
      available: false,
      reason: '/no/such/program is not installed where runs can see it',
    },
    {
      name: 'opencode',
      kind: 'acp',
      asks: null,
      available: false,
      reason: 'opencode is not installed where runs can see it',
    },
  ])
  expect(offeredAgents({ available: true }, agents, null).every(({ available }) => available)).toBe(true)
})
