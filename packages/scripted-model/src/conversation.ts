/**
 * Reads a request in the words of scripts: turns, prompts, tool results. Every wire format is brought
 * into the shape of the Messages API first.
 */
import { z } from 'zod'

// Describes only what is read here. Requests carry much more, and more with every version.
const contentBlock = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  id: z.string().optional(),
  name: z.string().optional(),
  tool_use_id: z.string().optional(),
  is_error: z.boolean().nullish(),
  content: z.unknown().optional(),
})
export type ContentBlock = z.output<typeof contentBlock>

const content = z.union([z.string(), z.array(contentBlock)])

export const messagesRequest = z.looseObject({
  model: z.string(),
  stream: z.boolean().nullish(),
  system: content.nullish(),
  messages: z.array(z.looseObject({ role: z.string(), content })).min(1),
})
export type MessagesRequest = z.output<typeof messagesRequest>

export interface ToolResult {
  /** The name of the tool, from the `tool_use` it answers; empty if the conversation has none. */
  tool: string
  text: string
  /** Always false in formats that do not mark failures. */
  isError: boolean
}

export interface Conversation {
  /** The number of the requested answer in the conversation: 1, 2, 3 … */
  turn: number
  model: string
  system: string
  /** The newest prompt. */
  prompt: string
  /** The last message, if it is a prompt; undefined if it has tool results. */
  text: string | undefined
  /** The results in the last message. */
  toolResults: ToolResult[]
  /** The working directory that the agent states. */
  cwd: string | undefined
  /** The length of the request's messages and system prompt, as JSON. */
  chars: number
}

export function readConversation(request: MessagesRequest): Conversation {
  const messages = request.messages.map(({ role, content }) => ({ role, blocks: blocksOf(content) }))
  const toolNames = new Map(
    messages.flatMap(({ blocks }) =>
      blocks.flatMap(({ type, id, name }) =>
        type === 'tool_use' && id !== undefined ? [[id, name ?? '']] : [],
      ),
    ) as [string, string][],
  )
  const fromUser = messages.filter(({ role }) => role === 'user').map(({ blocks }) => blocks)
  const last = fromUser.at(-1) ?? []
  const toolResults = last
    .filter(({ type }) => type === 'tool_result')
    .map((block) => ({
      tool: toolNames.get(block.tool_use_id ?? '') ?? '',
      text: textOf(blocksOf(block.content)),
      isError: block.is_error === true,
    }))
  const prompt = fromUser.map(promptOf).findLast((text) => text !== undefined) ?? ''
  const system = textOf(blocksOf(request.system))
  const stated = [
    system,
    ...messages.filter(({ role }) => role !== 'assistant').map(({ blocks }) => textOf(blocks)),
  ]
  return {
    turn: answers(messages) + 1,
    model: request.model,
    system,
    prompt,
    text: toolResults.length > 0 ? undefined : textOf(withoutReminders(last)),
    toolResults,
    cwd: stated.map(statedDirectory).findLast((directory) => directory !== undefined),
    chars: JSON.stringify([request.system, request.messages]).length,
  }
}

/** A rough estimate, four characters per token: nobody is billed by it. */
export function estimateTokens(request: unknown): number {
  return Math.ceil(JSON.stringify(request).length / 4)
}

/** Counts the answers. Consecutive messages of the assistant are one answer, sent in parts. */
function answers(messages: { role: string }[]): number {
  return messages.filter(
    ({ role }, index) => role === 'assistant' && messages[index - 1]?.role !== 'assistant',
  ).length
}

function promptOf(blocks: ContentBlock[]): string | undefined {
  if (blocks.some(({ type }) => type === 'tool_result')) return undefined
  return textOf(withoutReminders(blocks)) || undefined
}

/** Drops the reminders that the agent adds to what a person wrote. */
function withoutReminders(blocks: ContentBlock[]): ContentBlock[] {
  return blocks.filter(({ text }) => text?.trimStart().startsWith('<system-reminder>') !== true)
}

function statedDirectory(text: string): string | undefined {
  return /^\W*(?:primary )?working directory: (\/.*)$/im.exec(text)?.[1]?.trimEnd()
}

function blocksOf(value: unknown): ContentBlock[] {
  if (typeof value === 'string') return [{ type: 'text', text: value }]
  return z.array(contentBlock).safeParse(value).data ?? []
}

function textOf(blocks: ContentBlock[]): string {
  return blocks.flatMap(({ text }) => (text === undefined ? [] : [text])).join('\n')
}
