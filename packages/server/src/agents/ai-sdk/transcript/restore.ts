/** Resumes a stored conversation. */
import type { ModelMessage } from 'ai'
import type { TranscriptEntry } from '#runners/runner'
import { type PlanBoard, phaseTool, planTool } from '../loop/plan.ts'
import { Conversation, callsIn, resultOf } from './conversation.ts'
import { type Entry, fromStored } from './entries.ts'

export interface Restored {
  /** The id under which the conversation is stored. */
  id: string
  conversation: Conversation
  /** What the restoration itself adds to the conversation, to be stored. */
  added: Entry[]
}

const interrupted =
  'This call was interrupted, and its outcome is unknown: it may have done all, some or none of its work.'

/**
 * Null if the entries are not a conversation of this engine. Calls without a result were running: the model
 * learns that their outcome is unknown, and they are not run again.
 */
export function restore(
  stored: readonly TranscriptEntry[],
  request: { model: string; prompt: string },
  board: PlanBoard,
): Restored | null {
  const entries = fromStored(stored)
  const id = stored[0]?.conversation
  const begin = entries?.findLast((entry) => entry.type === 'begin')
  if (entries === null || id === undefined || begin?.type !== 'begin') return null
  replayPlan(entries, board)
  const sameProvider = providerOf(begin.model) === providerOf(request.model)
  const conversation = Conversation.of(sameProvider ? entries : entries.map(neutral))
  const results = conversation.openCalls().map(
    (call): Entry => ({
      type: 'result',
      result: resultOf(call, interrupted, true),
    }),
  )
  const added: Entry[] = [
    { type: 'begin', model: request.model },
    ...results,
    { type: 'message', message: { role: 'user', content: request.prompt } },
  ]
  for (const entry of added) conversation.take(entry)
  return { id, conversation, added }
}

function replayPlan(entries: readonly Entry[], board: PlanBoard): void {
  for (const entry of entries) {
    if (entry.type !== 'message') continue
    for (const { name, input } of callsIn(entry.message)) {
      const plan = name === planTool.name ? planTool.input.safeParse(input) : null
      if (plan?.success) board.plan(plan.data)
      const phase = name === phaseTool.name ? phaseTool.input.safeParse(input) : null
      if (phase?.success) board.phase(phase.data)
    }
  }
}

function providerOf(model: string): string {
  return model.split(':', 1)[0] ?? ''
}

/** Without thoughts and marks that only the provider they come from can read. */
function neutral(entry: Entry): Entry {
  switch (entry.type) {
    case 'message':
      return { ...entry, message: neutralMessage(entry.message) }
    case 'compacted':
      return { ...entry, messages: entry.messages.map(neutralMessage) }
    default:
      return entry
  }
}

function neutralMessage(message: ModelMessage): ModelMessage {
  if (message.role !== 'assistant' || typeof message.content === 'string') return message
  const content = message.content.flatMap((part) => {
    if (part.type !== 'text' && part.type !== 'tool-call') return []
    const { providerOptions: _, ...rest } = part
    return [rest]
  })
  return { role: 'assistant', content }
}
