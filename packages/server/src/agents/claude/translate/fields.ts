/** Reads the SDK's messages with care: a process wrote them, and programs of the project may write in its name. */

export type Fields = Readonly<Record<string, unknown>>

/** Returns the fields of what should be an object; none of anything else. */
export function fieldsOf(value: unknown): Fields {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Fields) : {}
}

export function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

/** Anything but a positive number counts as none. */
export function amountOf(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0
}

/** Returns the blocks of a message's content. A bare text is a block as well. */
export function blocksOf(message: unknown): Fields[] {
  const { content } = fieldsOf(message)
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  return Array.isArray(content) ? content.map(fieldsOf) : []
}
