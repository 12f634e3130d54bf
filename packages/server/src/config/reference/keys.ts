/** Every key of a configuration file, read off the schema itself. */
import type { z } from 'zod'
import { configFileSchema } from '../schema.ts'

export interface ConfigKey {
  /** Dotted; a name that the author chooses is `<id>` or `<name>`. */
  path: string
  /** The phrase that a problem with this key uses. */
  expected: string
  required: boolean
  /** Undefined: the schema has none. */
  default: unknown
  schema: z.ZodType
}

interface Unwrapped {
  schema: z.ZodType
  required: boolean
  default: unknown
}

/** In the order of the schema. */
export function configKeys(schema: z.ZodType = configFileSchema, path = ''): ConfigKey[] {
  const outer = unwrap(schema)
  const { schema: inner } = outer
  const def = definitionOf(inner)
  if (def.type === 'object') {
    return Object.entries(def.shape ?? {}).flatMap(([key, value]) =>
      configKeys(value, path === '' ? key : `${path}.${key}`),
    )
  }
  if (def.type === 'record' && def.valueType !== undefined) {
    const value = unwrap(def.valueType).schema
    const isEntry = ['object', 'record'].includes(definitionOf(value).type)
    if (isEntry)
      return configKeys(value, `${path}.${path === 'projects' || path === 'tools' ? '<id>' : '<name>'}`)
  }
  return [
    { path, expected: expectedBy(inner), required: outer.required, default: outer.default, schema: inner },
  ]
}

interface Definition {
  type: string
  shape?: Record<string, z.ZodType>
  valueType?: z.ZodType
  innerType?: z.ZodType
  in?: z.ZodType
  defaultValue?: unknown
}

function definitionOf(schema: z.ZodType): Definition {
  return schema._zod.def as unknown as Definition
}

/** Looks through what only says whether a value may be missing, and what becomes of it. */
function unwrap(schema: z.ZodType): Unwrapped {
  const def = definitionOf(schema)
  if (def.type === 'pipe' && def.in !== undefined) return unwrap(def.in)
  if (def.innerType === undefined || def.type === 'nullable')
    return { schema, required: true, default: undefined }
  const inner = unwrap(def.innerType)
  if (def.type === 'optional') return { ...inner, required: false }
  if (def.type === 'default' || def.type === 'prefault') {
    return { ...inner, required: false, default: def.defaultValue }
  }
  return inner
}

/** No value is a symbol: the schema says what it expected instead. */
function expectedBy(schema: z.ZodType): string {
  return schema.safeParse(Symbol('nothing')).error?.issues[0]?.message ?? 'any value'
}
