/**
 * Forms of agents as an editor can show them: the elicitation of the Agent Client Protocol knows all fields of a form, but no
 * choice that also takes words of one's own. Such a field becomes two.
 */
import type { ElicitationSchema } from '@agentclientprotocol/sdk'
import { choicesOf, type FormField, type FormSchema, type FormValues } from '@millrace/protocol'

export interface EditorForm {
  schema: ElicitationSchema
  /** The answer as the form wants it. */
  valuesOf(content: Readonly<Record<string, unknown>>): FormValues
}

export function editorForm({ properties, required = [] }: FormSchema): EditorForm {
  const open = new Map<string, string>()
  const fields: [string, Omit<FormField, 'other'>][] = []
  for (const [name, given] of Object.entries(properties)) {
    const { other = false, ...field } = given as FormField & { other?: boolean }
    fields.push([name, field])
    if (!other || choicesOf(given) === null) continue
    const words = freeName(name, properties)
    open.set(name, words)
    fields.push([words, { type: 'string', title: `${given.title ?? name}: something else` }])
  }
  return {
    schema: {
      type: 'object',
      properties: Object.fromEntries(fields) as NonNullable<ElicitationSchema['properties']>,
      // Words of one's own are an answer to a required field, too.
      required: required.filter((name) => !open.has(name)),
    },
    valuesOf(content) {
      const values = Object.entries(properties).flatMap(([name, { type }]) => {
        const words = content[open.get(name) ?? '']
        const own = typeof words === 'string' && words.trim() !== '' ? words : null
        const value = content[name]
        if (type === 'array' && own !== null) return [[name, [...(Array.isArray(value) ? value : []), own]]]
        if (own !== null) return [[name, own]]
        return value === undefined || value === null ? [] : [[name, value]]
      })
      return Object.fromEntries(values) as FormValues
    },
  }
}

function freeName(name: string, taken: object): string {
  let free = `${name}_other`
  while (Object.hasOwn(taken, free)) free += '_'
  return free
}
