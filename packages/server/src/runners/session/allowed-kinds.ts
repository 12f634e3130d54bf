/**
 * Kinds of calls that people have allowed for a whole session, kept with its conversation: the session may be parked, and
 * its next attempt knows nothing else of this one.
 */
import type { GateParts } from '#agents/gate'
import type { RunContext, TranscriptEntry } from '#runners/runner'

const subpath = 'millrace/allowed-kinds'

export function allowedKinds(
  context: Pick<RunContext, 'run' | 'appendTranscript'>,
  transcript: readonly TranscriptEntry[],
): Pick<GateParts, 'allowed' | 'keep'> {
  const { run } = context
  // What was allowed in a session that this one resumes was allowed there.
  const own = transcript.filter((entry) => entry.subpath === subpath && entry.conversation === run.id)
  return {
    allowed: own.map(({ json }) => JSON.parse(json) as string),
    keep: (kind) => {
      // A failure also ends the run.
      context
        .appendTranscript([{ conversation: run.id, subpath, json: JSON.stringify(kind) }])
        .catch(() => {})
    },
  }
}
