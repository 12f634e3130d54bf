import { describe, expect, it } from 'vitest'
import { acpExecutions } from '#compose/acp'
import type { AgentEntry } from '#config/config'
import { scripted } from '#test/agents/acp/support/agents'

const key = { baseUrl: 'https://models.example', apiKey: 'made-up-key' }
const entries: AgentEntry[] = [
  scripted({ name: 'codex', gateway: { vendor: 'openai', upstream: key } }),
  scripted({ name: 'gemini', gateway: { vendor: 'google', upstream: key } }),
  scripted({ name: 'own' }),
]
const { engine } = acpExecutions({
  agents: new Map(entries.map((entry) => [entry.name, entry])),
  model: null,
  models: [{ provider: 'openai', price: { input: 1, output: 1 } }],
  needsBoundary: true,
})
const refusal = (name: string, usd: number | null) =>
  engine.refuses({ model: `acp:${name}`, limits: { iterations: 1, tokens: null, seconds: 1, usd } })

describe('an execution on an agent that speaks ACP', () => {
  it('a limit in dollars is accepted where the gateway knows a price of the vendor, and nowhere else', () => {
    expect(refusal('codex', 1)).toBeNull()
    expect(refusal('gemini', 1)).toContain('with the provider "google"')
    expect(refusal('own', 1)).toContain('no limit in dollars would hold')
  })

  it('without such a limit any agent of the configuration is accepted', () => {
    for (const { name } of entries) expect(refusal(name, null)).toBeNull()
    expect(refusal('nobody', null)).toBe('one of acp:codex, acp:gemini, acp:own')
  })
})
