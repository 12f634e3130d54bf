import type { FormSchema } from '@millrace/protocol'
import { describe, expect, it } from 'vitest'
import { editorForm } from '#cli/editor/forms'

const schema: FormSchema = {
  type: 'object',
  properties: {
    database: { type: 'string', title: 'Database', oneOf: [{ const: 'Postgres' }], other: true },
    database_other: { type: 'integer', minimum: 1 },
    tables: { type: 'array', items: { enum: ['a', 'b'] }, other: true },
    name: { type: 'string', other: true },
  },
  required: ['database', 'database_other'],
}

describe('a form in an editor', () => {
  const { schema: shown, valuesOf } = editorForm(schema)

  it('a choice that takes other words is shown as a choice and a text, neither of them required', () => {
    expect(shown).toEqual({
      type: 'object',
      properties: {
        database: { type: 'string', title: 'Database', oneOf: [{ const: 'Postgres' }] },
        database_other_: { type: 'string', title: 'Database: something else' },
        database_other: { type: 'integer', minimum: 1 },
        tables: { type: 'array', items: { enum: ['a', 'b'] } },
        tables_other: { type: 'string', title: 'tables: something else' },
        name: { type: 'string' },
      },
      required: ['database_other'],
    })
  })

  it('the answer has words of one’s own in the place of the choice, and beside the chosen ones of a list', () => {
    expect(valuesOf({ database: 'Postgres', database_other: 2, name: 'n', unknown: 1 })).toEqual({
      database: 'Postgres',
      database_other: 2,
      name: 'n',
    })
    expect(
      valuesOf({ database: 'Postgres', database_other_: 'SQLite', tables: ['a'], tables_other: 'c' }),
    ).toEqual({
      database: 'SQLite',
      tables: ['a', 'c'],
    })
    expect(valuesOf({ database: 'Postgres', database_other_: ' ', name: null })).toEqual({
      database: 'Postgres',
    })
  })
})
