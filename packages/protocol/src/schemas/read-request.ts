/** Reads a request by its schema, and refuses it in our own words: the fields at fault, and what was expected of each. */
import type { z } from 'zod'
import { type FieldError, listOf, MillraceError, namedFields } from '#errors'

/**
 * Returns what the schema reads. `whole` names the request where no field of it is at fault.
 * @throws MillraceError `invalid_request` with the fields at fault.
 */
export function readRequest<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  whole = '(body)',
): z.output<Schema> {
  const parsed = schema.safeParse(value, { error: expectation })
  if (parsed.success) return parsed.data
  throw invalidRequest(parsed.error.issues.flatMap((issue) => fieldsOf(issue, whole)))
}

export function invalidRequest(fields: FieldError[]): MillraceError {
  return new MillraceError('invalid_request', `The request is not valid: ${namedFields(fields)}`, { fields })
}

function fieldsOf(issue: z.core.$ZodIssue, whole: string): FieldError[] {
  const path = issue.path.map(String)
  const paths = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...path, key]) : [path]
  return paths.map((each) => ({ path: each.join('.') || whole, expected: issue.message }))
}

/** Says what zod expected. Words of the schema's own come first. Undefined: zod's words. */
function expectation(issue: z.core.$ZodRawIssue): string | undefined {
  const { code } = issue
  if (code === 'invalid_type') {
    const expected = nouns[issue.expected] ?? `a value of the type ${issue.expected}`
    return issue.input === undefined ? `${expected}, but it is missing` : expected
  }
  if (code === 'invalid_value') return oneOf(issue.values)
  if (code === 'too_small') return bounded(issue.origin, 'least', Number(issue.minimum), issue.inclusive)
  if (code === 'too_big') return bounded(issue.origin, 'most', Number(issue.maximum), issue.inclusive)
  if (code === 'unrecognized_keys') return unknownField(issue)
  if (code === 'invalid_union' && Array.isArray(issue.options)) return oneOf(issue.options)
  return undefined
}

const nouns: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
}

function oneOf(values: readonly unknown[]): string {
  const shown = values.map((value) => JSON.stringify(value))
  return shown.length === 1 ? `${shown[0]}` : `one of ${listOf(shown)}`
}

/** What is counted of a value, by its type: one, and several. */
const counted: Readonly<Record<string, readonly [whole: string, one: string, several: string]>> = {
  string: ['a text', 'character', 'characters'],
  array: ['a list', 'entry', 'entries'],
}

function bounded(origin: string, bound: 'least' | 'most', limit: number, inclusive: boolean | undefined) {
  const [whole, one, several] = counted[origin] ?? []
  if (whole !== undefined) return `${whole} of at ${bound} ${limit} ${limit === 1 ? one : several}`
  if (inclusive === false) return `a number ${bound === 'least' ? 'above' : 'below'} ${limit}`
  return `a number of at ${bound} ${limit}`
}

function unknownField(issue: z.core.$ZodRawIssue): string {
  const { shape } = (issue as { schema?: { def?: { shape?: object } } }).schema?.def ?? {}
  return shape === undefined
    ? 'no such field'
    : `no such field; known fields: ${Object.keys(shape).join(', ')}`
}
