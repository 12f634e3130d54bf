import { describe, expect, it } from 'vitest'
import { type FormField, whyUnanswerable } from '#forms'
import { formSchema } from '#schemas/forms'

const reasonFor = (field: FormField) =>
  whyUnanswerable({ type: 'object', properties: { field }, required: ['field'] })

describe('a form that nobody can answer', () => {
  it('a required field that the form does not have is named', () => {
    const schema = { type: 'object', properties: { a: { type: 'boolean' } } } as const
    expect(whyUnanswerable({ ...schema, required: ['a', 'toString'] })).toBe(
      'it requires "toString", and has no such field',
    )
    expect(whyUnanswerable({ ...schema, required: ['a'] })).toBeNull()
  })

  it('a field that can be left out may be one that nobody can fill in', () => {
    const choice = { type: 'string', minLength: 3, maxLength: 2 } as const
    expect(whyUnanswerable({ type: 'object', properties: { choice } })).toBeNull()
  })

  it.each<FormField>([
    { type: 'string', maxLength: 1_000_000 },
    { type: 'array', items: { enum: ['a'] }, maxItems: 1_000_000, default: [] },
  ])('a form with a bound above all answers, or with nothing chosen yet, can be shown: %j', (field) => {
    const schema = { type: 'object', properties: { field } }
    expect(formSchema.parse(schema)).toEqual(schema)
  })

  it.each<[string, FormField]>([
    ['minLength 3 is above maxLength 2', { type: 'string', minLength: 3, maxLength: 2 }],
    ['none of its choices', { type: 'string', enum: [] }],
    ['none of its choices', { type: 'string', enum: ['abc'], maxLength: 2 }],
    ['none of its choices', { type: 'string', oneOf: [{ const: 'a' }], format: 'email' }],
    ['minimum 2 is above maximum 1', { type: 'number', minimum: 2, maximum: 1 }],
    ['no whole number is from 1.2 to 1.8', { type: 'integer', minimum: 1.2, maximum: 1.8 }],
    ['no whole number', { type: 'integer', minimum: 1e300 }],
    ['minItems 2 is above maxItems 1', { type: 'array', items: {}, minItems: 2, maxItems: 1 }],
    ['it wants 2 texts, and 1 are', { type: 'array', items: { enum: ['a', 'a'] }, minItems: 2 }],
    ['it wants 101 texts, and 100 are', { type: 'array', items: {}, minItems: 101 }],
  ])('the reason is given: %s', (reason, field) => {
    expect(reasonFor(field)).toContain(reason)
  })

  it.each<FormField>([
    { type: 'string', minLength: 2, maxLength: 2 },
    { type: 'string', enum: ['🚀'], maxLength: 1 },
    { type: 'string', enum: ['abc', 'a@b.example'], format: 'email' },
    { type: 'string', enum: ['abc'], maxLength: 2, other: true },
    { type: 'integer', minimum: 1, maximum: 1 },
    { type: 'boolean' },
    { type: 'array', items: { enum: ['a', 'b'] }, minItems: 2, maxItems: 2 },
    { type: 'array', items: { enum: ['a'] }, minItems: 2, other: true },
  ])('a form that can be answered in one way passes: %j', (field) => {
    expect(reasonFor(field)).toBeNull()
  })
})
