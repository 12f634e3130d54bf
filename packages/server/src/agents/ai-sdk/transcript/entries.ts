/**
 * The stored conversation of an execution: one entry for each thing that happened, in order. An answer of
 * the model is stored before its calls run, and each result together with its event. A conversation that
 * was interrupted thus shows exactly which calls were running.
 */
import { type ModelMessage, modelMessageSchema, type ToolResultPart } from 'ai'
import { z } from 'zod'
import type { TranscriptEntry } from '#runners/runner'

export type Entry =
  /** The first entry of every run. */
  | { type: 'begin'; model: string }
  /** `from`: the id of a person's message. */
  | { type: 'message'; message: ModelMessage; from?: string }
  | { type: 'result'; result: ToolResultPart }
  /** Takes the place of all messages and results before it. */
  | { type: 'compacted'; messages: ModelMessage[] }

const message = modelMessageSchema as unknown as z.ZodType<ModelMessage>
const result = z.looseObject({
  type: z.literal('tool-result'),
  toolCallId: z.string(),
  toolName: z.string(),
  output: z.looseObject({ type: z.string() }),
}) as unknown as z.ZodType<ToolResultPart>
const entry: z.ZodType<Entry> = z.discriminatedUnion('type', [
  z.object({ type: z.literal('begin'), model: z.string() }),
  z.object({ type: z.literal('message'), message, from: z.string().optional() }),
  z.object({ type: z.literal('result'), result }),
  z.object({ type: z.literal('compacted'), messages: z.array(message) }),
]) as unknown as z.ZodType<Entry>

export function toStored(conversation: string, entries: readonly Entry[]): TranscriptEntry[] {
  return entries.map((each) => ({ conversation, subpath: '', json: JSON.stringify(each) }))
}

/** Returns null if these are not the entries of an execution on a model. */
export function fromStored(stored: readonly TranscriptEntry[]): Entry[] | null {
  const entries: Entry[] = []
  for (const { json } of stored) {
    const parsed = entry.safeParse(parse(json))
    if (!parsed.success) return null
    entries.push(parsed.data)
  }
  return entries
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return null
  }
}
