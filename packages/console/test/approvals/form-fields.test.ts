import type { FormSchema } from '@millrace/protocol'
import { describe, expect, it } from 'vitest'
import { otherText, valuesOf } from '../../src/approvals/form-fields.ts'

const schema: FormSchema = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    database: { type: 'string', oneOf: [{ const: 'SQLite' }], other: true },
    count: { type: 'integer' },
    sure: { type: 'boolean' },
    tests: { type: 'array', items: { enum: ['unit', 'system'] }, other: true },
    at: { type: 'string', format: 'date-time' },
  },
}

function filled(...entries: [string, string][]): FormData {
  const data = new FormData()
  for (const [name, value] of entries) data.append(name, value)
  return data
}

describe('the values of a form', () => {
  it('each field has a value of its type', () => {
    const at = '2026-01-02T03:04'
    const values = valuesOf(
      schema,
      filled(
        ['value:name', 'a'],
        ['value:database', 'SQLite'],
        ['value:count', '0'],
        ['value:sure', 'false'],
        ['value:tests', 'unit'],
        ['value:tests', 'system'],
        ['value:at', at],
      ),
    )
    expect(values).toEqual({
      name: 'a',
      database: 'SQLite',
      count: 0,
      sure: false,
      tests: ['unit', 'system'],
      at: new Date(at).toISOString(),
    })
  })

  it('fields that were left empty are not given', () => {
    expect(valuesOf(schema, filled(['value:name', ''], ['value:count', ' '], ['value:sure', '']))).toEqual({})
    expect(valuesOf(schema, filled(['value:database', otherText], ['own:database', ' ']))).toEqual({})
  })

  it('words of one’s own take the place of a choice, and count once', () => {
    const own = filled(
      ['value:database', otherText],
      ['own:database', ' DuckDB '],
      ['value:tests', 'unit'],
      ['value:tests', otherText],
      ['own:tests', 'unit'],
    )
    expect(valuesOf(schema, own)).toEqual({ database: 'DuckDB', tests: ['unit'] })
  })
})
