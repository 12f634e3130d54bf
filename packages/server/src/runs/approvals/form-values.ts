/** What is wrong with the answer to a form: pure. An agent is given only what its form asks for. */
import {
  choicesOf,
  type FieldError,
  type FormField,
  type FormSchema,
  type FormValues,
  lengthOf,
  listOf,
  textFormats,
} from '@millrace/protocol'

type Value = FormValues[string]

/** One entry for each field at fault; the path begins with `values`. */
export function faultsIn({ properties, required = [] }: FormSchema, values: FormValues): FieldError[] {
  const faults: FieldError[] = []
  const at = (name: string, expected: string) => faults.push({ path: `values.${name}`, expected })
  for (const [name, value] of Object.entries(values)) {
    const field = Object.hasOwn(properties, name) ? properties[name] : undefined
    const expected = field === undefined ? 'absent: the form has no such field' : expectedOf(field, value)
    if (expected !== null) at(name, expected)
  }
  for (const name of required) if (!Object.hasOwn(values, name)) at(name, 'a value: the form requires it')
  return faults
}

/** Null: the value is what the field asks for. */
function expectedOf(field: FormField, value: Value): string | null {
  switch (field.type) {
    case 'string':
      return typeof value === 'string' ? ofText(field, value) : 'a text'
    case 'number':
    case 'integer':
      return ofNumber(field, value)
    case 'boolean':
      return typeof value === 'boolean' ? null : 'true or false'
    case 'array':
      return Array.isArray(value) ? ofList(field, value) : 'a list of texts'
    default:
      return field satisfies never
  }
}

function ofText(field: Extract<FormField, { type: 'string' }>, value: string): string | null {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, format, other = false } = field
  const choices = choicesOf(field)?.map((option) => option.const)
  if (choices !== undefined && !other && !choices.includes(value)) return oneOf(choices)
  if (lengthOf(value) < minLength) return `at least ${minLength} characters`
  if (lengthOf(value) > maxLength) return `at most ${maxLength} characters`
  return format === undefined || textFormats[format].test(value) ? null : words[format]
}

function ofNumber(field: Extract<FormField, { type: 'number' | 'integer' }>, value: Value): string | null {
  const { type, minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = field
  if (typeof value !== 'number') return 'a number'
  if (type === 'integer' && !Number.isSafeInteger(value)) return 'a whole number'
  if (value < minimum) return `at least ${minimum}`
  return value > maximum ? `at most ${maximum}` : null
}

function ofList(field: Extract<FormField, { type: 'array' }>, value: readonly string[]): string | null {
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY, other = false } = field
  const choices = choicesOf(field)?.map((option) => option.const)
  if (choices !== undefined && !other && !value.every((one) => choices.includes(one)))
    return `only ${listOf(choices)}`
  if (new Set(value).size < value.length) return 'each of them once'
  if (value.length < minItems) return `at least ${minItems} of them`
  return value.length > maxItems ? `at most ${maxItems} of them` : null
}

function oneOf(choices: readonly string[]): string {
  return `one of ${listOf(choices)}`
}

const words = {
  email: 'an e-mail address',
  uri: 'an address (URI)',
  date: 'a date, such as 2030-12-31',
  'date-time': 'a date and time, such as 2030-12-31T23:59:00Z',
} as const
