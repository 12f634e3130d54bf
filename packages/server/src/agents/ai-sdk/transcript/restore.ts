/** Resumes a stored conversation. */
import type { TranscriptEntry } from '#runners/runner'
import { type PlanBoard, phaseTool, planTool } from '../loop/plan.ts'
import { Conversation, callsIn, resultOf } from './conversation.ts'
import { type Entry, fromStored } from './entries.ts'
import { readableBy } from './portable.ts'

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
 * Returns null if the entries are not a conversation of this engine. Calls without a result were running: the
 * model learns that their outcome is unknown, and they are not run again.
 */
export function restore(
  stored: readonly TranscriptEntry[],
  request: { model: string; prompt: string },
  board: PlanBoard,
): Restored | null {
  const entries = fromStored(stored)
  const id = stored[0]?.conversation
  if (entries === null || id === undefined || !entries.some(({ type }) => type === 'begin')) return null
  replayPlan(entries, board)
  const added: Entry[] = [
    ...answersToOpenCalls(entries),
    { type: 'begin', model: request.model },
    { type: 'message', message: { role: 'user', content: request.prompt } },
  ]
  const conversation = Conversation.of(readableBy(request.model, [...entries, ...added]))
  return { id, conversation, added }
}

/**
 * They belong to the run that made the calls, with the ids of its provider: what another provider reads is made of
 * both alike, and the next resume may be by the first provider again.
 */
function answersToOpenCalls(entries: readonly Entry[]): Entry[] {
  const open = Conversation.of(entries).openCalls()
  return open.map((call) => ({ type: 'result', result: resultOf(call, interrupted, true) }))
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
