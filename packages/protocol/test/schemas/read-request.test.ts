import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { MillraceError } from '#errors'
import { readRequest, startRunBody } from '#schemas/index'

function refusalOf(schema: z.ZodType, value: unknown): MillraceError {
  try {
    readRequest(schema, value)
  } catch (error) {
    if (error instanceof MillraceError) return error
  }
  throw new Error('it was not refused')
}
const fieldsOf = (schema: z.ZodType, value: unknown) =>
  refusalOf(schema, value).fields?.map(({ path, expected }) => `${path}: ${expected}`)

const execution = { kind: 'execution', task: 'Count' }

describe('a request that its schema refuses', () => {
  it.each([
    [{ kind: 'execution' }, 'task: a text, but it is missing'],
    [{ ...execution, task: 7 }, 'task: a text'],
    [{ ...execution, task: ' ' }, 'task: a text that is not blank'],
    [{ ...execution, model: '' }, 'model: a text of at least 1 character'],
    [{ ...execution, model: 'x'.repeat(256) }, 'model: a text of at most 255 characters'],
    [{ ...execution, approvals: 'maybe' }, 'approvals: one of "on", "off"'],
    [{ ...execution, limits: [] }, 'limits: an object'],
    [{ ...execution, limits: { usd: -1 } }, 'limits.usd: a number above 0'],
    [{ ...execution, limits: { usd: '1' } }, 'limits.usd: a number'],
    [{ ...execution, limits: { tokens: 1.5 } }, 'limits.tokens: a whole number'],
    [{ ...execution, limits: { tokens: 0 } }, 'limits.tokens: a number of at least 1'],
    [
      { ...execution, limits: { money: 1 } },
      'limits.money: no such field; known fields: iterations, tokens, seconds, usd',
    ],
    [{ kind: 'nothing' }, 'kind: one of "job", "session", "execution", "external"'],
    [null, '(body): an object'],
  ])('the refusal names the field and what was expected: %j', (body, field) => {
    expect(fieldsOf(startRunBody, body)).toEqual([field])
  })

  it('the refusal names every field at fault, also where several are unknown', () => {
    const fields = fieldsOf(startRunBody, { ...execution, task: 7, a: 1, b: 2 })
    expect(fields?.map((field) => field.split(': ')[0])).toEqual(['task', 'a', 'b'])
    expect(refusalOf(startRunBody, { ...execution, task: 7 }).message).toBe(
      'The request is not valid: task: a text',
    )
  })

  it('the refusal of a body with 75,000 unknown fields is short', () => {
    const unknown = Object.fromEntries(Array.from({ length: 75_000 }, (_, index) => [`key${index}`, 1]))
    const error = refusalOf(startRunBody, { ...execution, ...unknown })
    expect(JSON.stringify(error.fields).length).toBeLessThan(10_000)
    expect(error.message.length).toBeLessThan(10_000)
    expect(error.message).toMatch(/74980 more are at fault$/)
  })

  it('a list that is too long says how many entries it may have', () => {
    expect(fieldsOf(z.array(z.string()).max(1), ['a', 'b'])).toEqual(['(body): a list of at most 1 entry'])
  })

  it('no refusal of any value is in the words of the schema library', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json().map((text) => JSON.parse(text)),
          fc.record({ kind: fc.constant('execution'), limits: fc.json().map((text) => JSON.parse(text)) }),
        ),
        (value) => {
          const fields = fieldsOf(startRunBody, value) ?? []
          expect(fields).not.toEqual([])
          for (const field of fields)
            expect(field).not.toMatch(/Invalid|Too (?:big|small)|Unrecognized|undefined/)
        },
      ),
    )
  })
})
