/** What of a call's input a person edits: its command where it has one, else all of it as JSON. */

type Fields = Record<string, unknown>

function fieldsOf(input: unknown): Fields {
  return typeof input === 'object' && input !== null && !Array.isArray(input) ? (input as Fields) : {}
}

export function editableOf(input: unknown): { label: string; text: string } {
  const { command } = fieldsOf(input)
  if (typeof command === 'string') return { label: 'Command that runs instead', text: command }
  return { label: 'Input that is used instead (JSON)', text: JSON.stringify(input ?? {}, null, 2) }
}

/** The input that the edited text stands for; null if it stands for none. */
export function inputOf(input: unknown, text: string): Fields | null {
  const fields = fieldsOf(input)
  if (typeof fields.command === 'string') return { ...fields, command: text }
  try {
    const made: unknown = JSON.parse(text)
    return typeof made === 'object' && made !== null && !Array.isArray(made) ? (made as Fields) : null
  } catch {
    return null
  }
}
