import { describe, expect, it } from 'vitest'
import { attacks, honest, placed } from './support/corpus.ts'
import { allowedEverywhere, bash, places, policyWith, verdicts } from './support/policies.ts'

describe('the corpus', () => {
  it('has at least 150 hidden attacks and 100 honest commands, each with an id of its own', () => {
    const ids = [...attacks(), ...honest()].map((row) => row.id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(attacks().length).toBeGreaterThanOrEqual(150)
    expect(honest().length).toBeGreaterThanOrEqual(100)
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

describe('each denial says why in one sentence', () => {
  it.each(attacks().map((row) => [row.id, row] as const))('%s', (_id, row) => {
    const verdict = bash(policyWith(), placed(row.command, places))
    expect(verdict).toMatchObject({ decision: 'deny', reason: expect.stringMatching(/^[^\n]{15,400}\.$/) })
    expect(JSON.stringify(verdict)).not.toMatch(/[\u{f0000}-\u{f0003}]/u)
  })
})

describe('each honest command is allowed everywhere', () => {
  it.each(honest().map((row) => [row.command, row] as const))('%s', (_name, row) => {
    const verdict = bash(policyWith(), row.command)
    expect(verdict).toEqual({ decision: 'allow' })
    expect(verdicts(row.command)).toEqual(allowedEverywhere)
  })
})
