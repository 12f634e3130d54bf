/** Every wire format that the stand-in speaks. A path belongs to one of them. */
import { chatCompletions } from './chat-completions.ts'
import type { Asked, Format } from './format.ts'
import { generateContent } from './generate-content.ts'
import { messages } from './messages.ts'
import { responses } from './responses.ts'

const formats = [messages, chatCompletions, responses, generateContent]

export function findFormat(path: string): { format: Format; asked: Asked } | null {
  for (const format of formats) {
    const asked = format.recognise(path)
    if (asked !== null) return { format, asked }
  }
  return null
}

/** Refusals of paths that no format has are written in this one. */
export const defaultFormat: Format = messages
