import type { RunKind } from '@millrace/protocol'
import type { ViewOf } from '@millrace/protocol/view'
import { type FollowedRun, useSnapshot } from './use-snapshot.ts'

/** `view` is null before the first event, and for a run of another kind than `kind`. */
export interface UsedRun<Kind extends RunKind> extends FollowedRun {
  view: ViewOf<Kind> | null
}

/**
 * Follows a run of any kind: its record, its view, and the connection. Without an id nothing is followed, and the
 * status is `idle`.
 */
export function useRun<Kind extends RunKind = RunKind>(
  runId: string | null | undefined,
  { kind }: { kind?: Kind } = {},
): UsedRun<Kind> {
  const followed = useSnapshot(runId ?? null, { kind, record: true })
  const { view } = followed
  const isKind = kind === undefined || view?.kind === kind
  return { ...followed, view: (isKind ? view : null) as ViewOf<Kind> | null }
}
