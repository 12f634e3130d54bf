/**
 * The part of the agent SDK's messages that is shown. They are as the SDK made them, in whatever version:
 * anything without the expected shape is skipped without a failure.
 */
import { z } from 'zod'

const parent = z.string().nullish()

const block = z.object({
  type: z.string(),
  text: z.string().optional(),
  thinking: z.string().optional(),
  name: z.string().optional(),
  input: z.unknown().optional(),
  tool_use_id: z.string().optional(),
  content: z.unknown().optional(),
  is_error: z.boolean().nullish(),
})
export type Block = z.infer<typeof block>
const content = z.union([z.string().transform((text): Block[] => [{ type: 'text', text }]), z.array(block)])

export const systemMessage = z.object({
  subtype: z.string(),
  cwd: z.string().optional(),
  attempt: z.number().optional(),
  max_retries: z.number().optional(),
  error: z.unknown().optional(),
})

export const streamEvent = z.object({
  parent_tool_use_id: parent,
  event: z.object({
    type: z.string(),
    message: z.object({ model: z.string().optional() }).optional(),
    content_block: z.object({ type: z.string() }).optional(),
    delta: z.object({ text: z.string().optional(), thinking: z.string().optional() }).optional(),
  }),
})

export const assistantMessage = z.object({
  parent_tool_use_id: parent,
  message: z.object({ model: z.string().optional(), content }),
})

export const userMessage = z.object({ parent_tool_use_id: parent, message: z.object({ content }) })

export const resultMessage = z.object({
  subtype: z.string(),
  is_error: z.boolean().optional(),
  num_turns: z.number().optional(),
  total_cost_usd: z.number().optional(),
  duration_ms: z.number().optional(),
  result: z.string().optional(),
  errors: z.array(z.string()).optional(),
})

/** Returns the text of a tool's result, which may hold pictures as well. */
export function textOf(value: unknown): string {
  const parsed = content.safeParse(value)
  if (!parsed.success) return ''
  return parsed.data.map((part) => part.text ?? `(${part.type})`).join('\n')
}
