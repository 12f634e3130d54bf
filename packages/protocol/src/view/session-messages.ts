/** What we read of the agent SDK's messages. They are foreign, so nothing about their shape is taken for granted. */
import { recordOf, stringOf } from './run.ts'

export type Block = Record<string, unknown>

/** The blocks of a message's content, which may be a bare text. */
export function blocksOf(content: unknown): Block[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  return Array.isArray(content) ? content.map(recordOf) : []
}

/** The content of a tool's result as one text. What is no text is named: `(image)`. */
export function textOf(content: unknown): string {
  return blocksOf(content)
    .map(({ type, text }) => stringOf(text) ?? `(${stringOf(type) ?? 'unknown'})`)
    .join('\n')
}
