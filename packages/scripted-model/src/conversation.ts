/** Reads a Messages API request the way a script speaks of it: turns, prompts, tool results. */
import { z } from 'zod'

// Only what is read is described: requests carry much more, and more with every version.
const contentBlock = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  id: z.string().optional(),
  name: z.string().optional(),
  tool_use_id: z.string().optional(),
  is_error: z.boolean().nullish(),
  content: z.unknown().optional(),
})
type ContentBlock = z.output<typeof contentBlock>

const content = z.union([z.string(), z.array(contentBlock)])

export const messagesRequest = z.looseObject({
  model: z.string(),
  stream: z.boolean().nullish(),
  system: content.nullish(),
  messages: z.array(z.looseObject({ role: z.string(), content })).min(1),
})
export type MessagesRequest = z.output<typeof messagesRequest>

export interface ToolResult {
  /** Name of the tool, from the `tool_use` it answers; empty when that is not in the conversation. */
  tool: string
  text: string
  isError: boolean
}

export interface Conversation {
  /** Which answer of the conversation is asked for: 1, 2, 3 … */
  turn: number
  model: string
  system: string
  /** The newest prompt. */
  prompt: string
  /** The last message, when it is a prompt; undefined when it brings tool results. */
  text: string | undefined
  /** Results that the last message brings. */
  toolResults: ToolResult[]
  /** The working directory that the agent states. */
  cwd: string | undefined
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
  }
}

/** Rough, and good enough for a number nobody is billed by: four characters a token. */
export function estimateTokens(request: unknown): number {
  return Math.ceil(JSON.stringify(request).length / 4)
}

/** Messages of the assistant that follow each other are one answer, sent in parts. */
function answers(messages: { role: string }[]): number {
  return messages.filter(
    ({ role }, index) => role === 'assistant' && messages[index - 1]?.role !== 'assistant',
  ).length
}

function promptOf(blocks: ContentBlock[]): string | undefined {
  if (blocks.some(({ type }) => type === 'tool_result')) return undefined
  return textOf(withoutReminders(blocks)) || undefined
}

/** The agent adds reminders of its own to what a person wrote. */
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
