import { describe, expect, it } from 'vitest'
import { attacks, honest, placed } from './support/corpus.ts'
import { bash, places, policyWith, verdicts } from './support/policies.ts'

describe('the corpus', () => {
  it('has at least 500 attacks and 500 honest commands, each with an id of its own', () => {
    const ids = [...attacks(), ...honest()].map((row) => row.id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(attacks().length).toBeGreaterThanOrEqual(500)
    expect(honest().length).toBeGreaterThanOrEqual(500)
  })

  it('allows no attack outside a sandbox, nor inside where unreadable bash is asked about or denied', () => {
    const allowed = attacks().filter(
      ({ outside, inside }) => outside === 'allow' || (inside.allow === 'deny' && inside.ask !== 'deny'),
    )
    expect(allowed).toEqual([])
  })

  it('refuses no honest command in a sandbox, nor outside one where people can be asked', () => {
    const inside = policyWith({ sandboxed: true, unreadableBash: 'allow' })
    const outside = policyWith()
    const refused = honest().filter(
      ({ command }) =>
        bash(inside, command).decision !== 'allow' || bash(outside, command).decision === 'deny',
    )
    expect(refused).toEqual([])
  })

  it('allows more than half of the honest commands outside a sandbox without asking', () => {
    const allowed = honest().filter(({ command }) => bash(policyWith(), command).decision === 'allow')
    expect(allowed.length / honest().length).toBeGreaterThan(0.55)
  })
})

describe('each attack has its expected verdict', () => {
  it.each(attacks().map((row) => [row.id, row] as const))('%s', (_id, row) => {
    expect(verdicts(placed(row.command, places))).toEqual({
      outside: row.outside,
      'inside, allow': row.inside.allow,
      'inside, ask': row.inside.ask,
      'inside, deny': row.inside.deny,
    })
  })
})

describe('each refusal says why in one sentence, and each question marks parts of the command', () => {
  it.each(attacks().map((row) => [row.id, row] as const))('%s', (_id, row) => {
    const command = placed(row.command, places)
    const verdict = bash(policyWith(), command)
    expect(verdict).toMatchObject({ reason: expect.stringMatching(/^[^\n]{15,400}[.…]$/) })
    expect(JSON.stringify(verdict)).not.toMatch(/[\u{f0000}-\u{f0005}]/u)
    if (verdict.decision !== 'ask') return
    let last = 0
    for (const { start, end } of verdict.unread ?? []) {
      expect(start).toBeGreaterThanOrEqual(last)
      expect(end).toBeGreaterThan(start)
      expect(end).toBeLessThanOrEqual(command.length)
      last = end
    }
  })
})

describe('each honest command has its expected verdict', () => {
  it.each(honest().map((row) => [row.command, row] as const))('%s', (_name, row) => {
    expect(verdicts(row.command)).toMatchObject({ outside: row.outside, 'inside, allow': 'allow' })
  })
})
