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
