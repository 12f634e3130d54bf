import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { modifierIn, parseFields, pick } from '#realtime/fields'

const record = {
  id: 'r',
  spec: { tool: 't', args: { a: 1, b: 2 } },
  list: [{ x: 1, y: 2 }, 3],
  nothing: null,
}
const picked = (fields: string) => pick(record, parseFields(fields))

describe('fields', () => {
  it.each<[string, unknown]>([
    ['id', { id: 'r' }],
    ['spec.args.a, id', { id: 'r', spec: { args: { a: 1 } } }],
    ['spec.args.a,spec.tool', { spec: { tool: 't', args: { a: 1 } } }],
    ['spec,spec.tool', { spec: record.spec }],
    ['spec.tool,spec', { spec: record.spec }],
    ['*', record],
    ['*,spec.tool', { ...record, spec: { tool: 't' } }],
    ['spec.*,id', { id: 'r', spec: record.spec }],
    ['list.x', { list: [{ x: 1 }, 3] }],
    ['nothing.deep,id.deep', { id: 'r', nothing: null }],
    ['missing', {}],
    ['', record],
    [' , ', record],
    ['__proto__,constructor,toString', {}],
  ])('the selection "%s" keeps exactly its fields', (fields, expected) => {
    expect(picked(fields)).toEqual(expected)
  })

  it('fields with a modifier are refused by its name', () => {
    expect(modifierIn('id,spec.prompt:excerpt(200,true)')).toBe(':excerpt(200')
    expect(modifierIn('id,*')).toBeNull()
  })

  it('a selection of fields never adds anything, whatever it says', () => {
    fc.assert(
      fc.property(fc.string(), fc.jsonValue(), (fields, data) => {
        const all = JSON.stringify(data)
        const some = JSON.stringify(pick(data, parseFields(fields)))
        expect(some.length).toBeLessThanOrEqual(all.length)
      }),
    )
  })
})
