/**
 * Forms: what an agent asks people that only words can answer (docs/protocol.md#forms). The schema of a form is the part of JSON
 * Schema that the elicitation of MCP and of the Agent Client Protocol use: one flat object.
 */

export interface Form {
  /** What the agent asks. */
  message: string
  schema: FormSchema
}

export interface FormSchema {
  type: 'object'
  /** By name, in the order in which they are asked. */
  properties: Record<string, FormField>
  required?: string[] | undefined
}

export type FormField = TextField | NumberField | BooleanField | ListField

interface FieldWords {
  title?: string | undefined
  description?: string | undefined
}

export interface TextField extends FieldWords {
  type: 'string'
  /** The answer is one of these. */
  enum?: string[] | undefined
  /** The same, with words for each. */
  oneOf?: FormOption[] | undefined
  /** Another text than those of `enum` and `oneOf` is an answer, too. */
  other?: boolean | undefined
  minLength?: number | undefined
  maxLength?: number | undefined
  format?: 'email' | 'uri' | 'date' | 'date-time' | undefined
  default?: string | undefined
}

export interface NumberField extends FieldWords {
  type: 'number' | 'integer'
  minimum?: number | undefined
  maximum?: number | undefined
  default?: number | undefined
}

export interface BooleanField extends FieldWords {
  type: 'boolean'
  default?: boolean | undefined
}

/** Some of several texts. */
export interface ListField extends FieldWords {
  type: 'array'
  items: { enum?: string[] | undefined; anyOf?: FormOption[] | undefined }
  /** Texts that `items` does not name are answers, too. */
  other?: boolean | undefined
  minItems?: number | undefined
  maxItems?: number | undefined
  default?: string[] | undefined
}

export interface FormOption {
  const: string
  title?: string | undefined
  description?: string | undefined
}

/** The texts that a field names as answers; null: it names none. */
export function choicesOf(field: FormField): readonly FormOption[] | null {
  if (field.type !== 'string' && field.type !== 'array') return null
  const { texts, options } =
    field.type === 'string'
      ? { texts: field.enum, options: field.oneOf }
      : { texts: field.items.enum, options: field.items.anyOf }
  return texts?.map((text) => ({ const: text })) ?? options ?? null
}

/** What people fill in, by the names of the fields. */
export type FormValues = Record<string, string | number | boolean | string[]>

/** Each is linear in the text, which people write. */
export const textFormats = {
  email: /^[^\s@]+@[^\s@]+$/,
  uri: /^[a-zA-Z][a-zA-Z0-9+.-]*:\S+$/,
  date: /^\d{4}-\d{2}-\d{2}$/,
  'date-time': /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([Zz]|[+-]\d{2}:\d{2})?$/,
} as const satisfies Record<NonNullable<TextField['format']>, RegExp>

/** As JSON Schema counts, and agents: a character beyond the first plane is one. */
export function lengthOf(text: string): number {
  let length = 0
  for (const _character of text) length += 1
  return length
}

/** The bound of the texts in one list that people fill in. */
export const listedTextsMax = 100

/** Says what makes a form one that no answer satisfies. Null: people can answer it. */
export function whyUnanswerable({ properties, required = [] }: FormSchema): string | null {
  const missing = required.find((name) => !Object.hasOwn(properties, name))
  if (missing !== undefined) return `it requires ${quoted(missing)}, and has no such field`
  // Any other field can be left out.
  for (const name of required) {
    const field = properties[name]
    const contradiction = field === undefined ? null : contradictionIn(field)
    if (contradiction !== null) return `nothing can be filled in at ${quoted(name)}: ${contradiction}`
  }
  return null
}

function contradictionIn(field: FormField): string | null {
  switch (field.type) {
    case 'string':
      return inText(field)
    case 'number':
    case 'integer':
      return inNumber(field)
    case 'boolean':
      return null
    case 'array':
      return inList(field)
    default:
      return field satisfies never
  }
}

function inText(field: TextField): string | null {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, format, other = false } = field
  if (minLength > maxLength) return `minLength ${minLength} is above maxLength ${maxLength}`
  const choices = choicesOf(field)
  if (choices === null || other) return null
  const fits = ({ const: text }: FormOption) =>
    lengthOf(text) >= minLength &&
    lengthOf(text) <= maxLength &&
    (format === undefined || textFormats[format].test(text))
  return choices.some(fits) ? null : 'none of its choices has the length and the format that it wants'
}

function inNumber({
  type,
  minimum = Number.NEGATIVE_INFINITY,
  maximum = Number.POSITIVE_INFINITY,
}: NumberField) {
  if (minimum > maximum) return `minimum ${minimum} is above maximum ${maximum}`
  if (type !== 'integer') return null
  const least = Math.max(Math.ceil(minimum), Number.MIN_SAFE_INTEGER)
  const most = Math.min(Math.floor(maximum), Number.MAX_SAFE_INTEGER)
  return least > most ? `no whole number is from ${minimum} to ${maximum}` : null
}

function inList(field: ListField): string | null {
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY, other = false } = field
  if (minItems > maxItems) return `minItems ${minItems} is above maxItems ${maxItems}`
  const choices = other ? null : choicesOf(field)
  const most = choices === null ? listedTextsMax : new Set(choices.map((choice) => choice.const)).size
  return minItems > most ? `it wants ${minItems} texts, and ${most} are the most there can be` : null
}

function quoted(name: string): string {
  return JSON.stringify(name.slice(0, 100).toWellFormed())
}
