/** What a call would do, in parts that a person can read: every value of its input is shown. */

export interface CallPart {
  /** The field of the input; of an input without fields, empty. */
  name: string
  label: string
  text: string
  /** How it is to be read: as a text that goes, or that comes. */
  change?: 'removed' | 'added'
}

/** A map: an agent may name a field like a property that every object has. */
const labels = new Map(
  Object.entries({
    command: 'Command',
    file_path: 'File',
    path: 'File',
    content: 'Content',
    url: 'Address',
    query: 'Query',
    description: 'What the agent says it does',
    pattern: 'Pattern',
    prompt: 'Prompt',
  }),
)

/** In this order; whatever else the input has follows. */
const first = [
  'command',
  'file_path',
  'path',
  'url',
  'query',
  'pattern',
  'old_string',
  'new_string',
  'content',
]

export function callParts(input: unknown): CallPart[] {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    return [{ name: '', label: 'Input', text: textOf(input) }]
  const names = Object.keys(input).sort((a, b) => rankOf(a) - rankOf(b))
  return names.map((name) => partOf(name, (input as Record<string, unknown>)[name]))
}

function partOf(name: string, value: unknown): CallPart {
  const text = textOf(value)
  if (name === 'old_string') return { name, label: 'Replaces', text, change: 'removed' }
  if (name === 'new_string') return { name, label: 'With', text, change: 'added' }
  return { name, label: labels.get(name) ?? name, text }
}

function rankOf(name: string): number {
  const rank = first.indexOf(name)
  return rank === -1 ? first.length : rank
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value, null, 2) ?? '')
}
