/** How a session begins with a part of an earlier one: its conversation up to an event, and the files of that time. */
import {
  type CheckpointEvent,
  checkpointType,
  isFinal,
  lifecycleTypes,
  MillraceError,
  type Run,
} from '@millrace/protocol'
import { builtInAgent } from '#config/agents/read'
import type { Forkable, ForkPoint } from '#runners/kind'
import type { TranscriptEntry } from '#runners/runner'
import type { ForkSpec, SessionSpec } from './prepare.ts'

/** What of the log says where a conversation was. */
interface Past {
  /** The SDK's ids of the messages up to the event. */
  messages: Set<string>
  /** The files after the last turn that the fork has, or at its beginning. */
  files: string | undefined
}

export const forkableSession: Forkable = {
  async fork(point, prompt) {
    const { run, at, transcript } = point
    if (run.spec.agent !== undefined) refusePart(run, at)
    const past = await pastOf(point)
    const entries = at === undefined ? transcript.length : entriesUpTo(transcript, past.messages)
    if (entries === 0) return null
    const { worktree, fork: _fork, ...spec } = run.spec as unknown as SessionSpec
    const files = worktree === undefined ? undefined : past.files
    const fork: ForkSpec = { entries, ...(files === undefined ? {} : { files }) }
    return {
      request: { ...spec, prompt, fork, ...(worktree === undefined ? {} : { worktree: true }) },
      entries,
    }
  },
}

/** Other agents keep their conversations themselves, in a home that is copied as a whole. */
function refusePart({ spec, state }: Run, at: number | undefined): void {
  const why = at !== undefined ? 'at its end only' : isFinal(state) ? null : 'once it is over'
  if (why !== null)
    throw new MillraceError(
      'not_resumable',
      `A session of the agent ${spec.agent} can be forked ${why}; ${builtInAgent} at any message`,
    )
}

async function pastOf({ at = Number.POSITIVE_INFINITY, events }: ForkPoint): Promise<Past> {
  const past: Past = { messages: new Set(), files: undefined }
  for await (const { seq, type, json } of events) {
    // What keeps the files of a turn follows its end.
    if (seq > at && isOfAgent(type)) return past
    if (type === checkpointType) past.files = (JSON.parse(json) as CheckpointEvent).commit
    else if (type === lifecycleTypes.started) past.files = JSON.parse(json).worktree?.commit
    else if (seq <= at && (type === 'user' || type === 'assistant')) {
      const { uuid } = JSON.parse(json)
      if (typeof uuid === 'string') past.messages.add(uuid)
    }
  }
  return past
}

function isOfAgent(type: string): boolean {
  return ['system', 'user', 'assistant', 'stream_event'].includes(type)
}

/** Up to the last entry whose message is in the log by then, what belongs to it included. */
function entriesUpTo(transcript: readonly TranscriptEntry[], messages: ReadonlySet<string>): number {
  const last = transcript.findLastIndex(({ json }) => messages.has(JSON.parse(json).uuid))
  return last + 1
}
