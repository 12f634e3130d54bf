import { type LogBounds, parseCursor, type ResetData, resolveResume } from '@millrace/protocol'

/** Where a follower with this cursor starts; null when it has everything. */
export function parseResume(
  text: string | undefined,
  bounds: LogBounds,
): { after: number; reset: ResetData | null } | null {
  const resume = resolveResume(parseCursor(text), undefined, bounds)
  if (resume.kind === 'over') return null
  if (resume.kind === 'read') return { after: resume.after, reset: null }
  const { firstSeq, head } = bounds
  return { after: resume.after, reset: { reason: resume.reason, firstSeq, head } }
}
