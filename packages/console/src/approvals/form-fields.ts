/** The fields of a form, and the values that were filled in (docs/protocol.md#forms). */
import { choicesOf, type FormField, type FormSchema, type FormValues } from '@millrace/protocol'

/** The name of the choice that stands for a text of one's own. */
export const otherText = 'other:text'

/** The values of a filled form. Fields that were left empty are not given. */
export function valuesOf({ properties }: FormSchema, filled: FormData): FormValues {
  const values: FormValues = {}
  for (const [name, field] of Object.entries(properties)) {
    const value = filledIn(name, field, filled)
    if (value !== undefined) values[name] = value
  }
  return values
}

function filledIn(name: string, field: FormField, filled: FormData): FormValues[string] | undefined {
  const text = String(filled.get(`value:${name}`) ?? '')
  const own = String(filled.get(`own:${name}`) ?? '').trim()
  switch (field.type) {
    case 'boolean':
      return text === '' ? undefined : text === 'true'
    case 'number':
    case 'integer':
      return text.trim() === '' ? undefined : Number(text)
    case 'array': {
      const chosen = filled.getAll(`value:${name}`).map((one) => (one === otherText ? own : String(one)))
      const given = [...new Set(chosen.filter((one) => one !== ''))]
      return given.length === 0 ? undefined : given
    }
    case 'string': {
      const value = text === otherText && choicesOf(field) !== null ? own : text
      if (value === '') return undefined
      return field.format === 'date-time' ? dateTimeOf(value) : value
    }
    default:
      return field satisfies never
  }
}

/** A browser's field has the time of its own place and names no zone. */
function dateTimeOf(text: string): string {
  const date = new Date(text)
  return Number.isNaN(date.getTime()) ? text : date.toISOString()
}
