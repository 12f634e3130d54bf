import type { FormField, FormValues } from '@millrace/protocol'
import { describe, expect, it } from 'vitest'
import { faultsIn } from '#runs/approvals/form-values'

type Value = FormValues[string]

function faultOf(field: FormField, value: Value): string | undefined {
  return faultsIn({ type: 'object', properties: { field } }, { field: value })[0]?.expected
}

describe('the values of a form', () => {
  it.each<[string, FormField, Value[], Value[]]>([
    ['a text', { type: 'string', minLength: 2, maxLength: 3 }, ['ab', 'abc'], ['a', 'abcd', 1, true, ['ab']]],
    ['a text with emoji', { type: 'string', minLength: 2, maxLength: 3 }, ['🚀🚀🚀'], ['🚀', '🚀🚀🚀🚀']],
    ['one of a list', { type: 'string', enum: ['a', 'b'] }, ['a', 'b'], ['c', '', ['a']]],
    ['one of a list or another', { type: 'string', oneOf: [{ const: 'a' }], other: true }, ['a', 'c'], [1]],
    ['an e-mail address', { type: 'string', format: 'email' }, ['a@b.example'], ['a', 'a b@c', '@']],
    ['an address', { type: 'string', format: 'uri' }, ['https://a.example/'], ['a', 'https:', 'ht tp:x']],
    ['a date', { type: 'string', format: 'date' }, ['2030-12-31'], ['31.12.2030']],
    ['a time', { type: 'string', format: 'date-time' }, ['2030-12-31T23:59:00Z'], ['2030-12-31']],
    ['a number', { type: 'number', minimum: 0, maximum: 1.5 }, [0, 1.5], [-1, 2, '1']],
    ['a whole number', { type: 'integer' }, [3, -3], [1.5, 2 ** 60, '3']],
    ['a choice of two', { type: 'boolean' }, [true, false], ['true', 0]],
    [
      'some of a list',
      { type: 'array', items: { anyOf: [{ const: 'a' }, { const: 'b' }] }, minItems: 1 },
      [['a'], ['b', 'a']],
      [[], ['c'], ['a', 'a'], 'a'],
    ],
    [
      'at most two',
      { type: 'array', items: {}, other: true, maxItems: 2 },
      [[], ['x', 'y']],
      [['x', 'y', 'z']],
    ],
  ])(
    '%s is taken where it fits the field, and refused with what was expected elsewhere',
    (_, field, right, wrong) => {
      expect(right.map((value) => faultOf(field, value))).toEqual(right.map(() => undefined))
      for (const value of wrong) expect([value, faultOf(field, value)]).toEqual([value, expect.any(String)])
    },
  )

  it('the fault of a choice names the first choices, and counts the others', () => {
    const many = Array.from({ length: 100 }, (_, index) => `choice ${index} ${'x'.repeat(4000)}`)
    const [one, some] = [
      faultOf({ type: 'string', enum: many }, 'none'),
      faultOf({ type: 'array', items: { enum: many } }, ['none']),
    ]
    for (const fault of [one, some]) {
      expect(fault).toMatch(/^(one of|only) choice 0 x+…, choice 1 .* and 9\d more$/)
      expect(fault?.length).toBeLessThan(1000)
    }
  })

  it('a field that is missing, and one that the form does not have, are named', () => {
    const schema = { type: 'object', properties: { a: { type: 'boolean' } }, required: ['a'] } as const
    expect(faultsIn({ ...schema, required: ['a'] }, JSON.parse('{"b":true,"__proto__":"x"}'))).toEqual([
      { path: 'values.b', expected: 'absent: the form has no such field' },
      { path: 'values.__proto__', expected: 'absent: the form has no such field' },
      { path: 'values.a', expected: 'a value: the form requires it' },
    ])
  })
})
