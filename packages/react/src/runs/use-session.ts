import type { StartSessionBody } from '@millrace/protocol'
import { type Item, itemsOf, type OpenApproval } from '@millrace/protocol/view'
import { useCallback, useMemo } from 'react'
import { type StartedRun, useStartedRun } from './use-started-run.ts'

export interface UsedSession extends StartedRun<'session'> {
  /** What the agent said and did, in order. */
  items: readonly Item[]
  /** Questions that nobody has answered yet; `useApprovals` answers them. */
  approvals: readonly OpenApproval[]
  /** Resolves with the id of the run; with null when it was refused. */
  startSession(body: Omit<StartSessionBody, 'kind'>): Promise<string | null>
  /** Continues the conversation as a new run, which is followed from then on. */
  resumeSession(prompt?: string): Promise<string | null>
  abortSession(): Promise<void>
}

const none: readonly never[] = []

/** Starts agent sessions and follows the last one; or follows the one given. */
export function useSession(runId?: string | null): UsedSession {
  const { shown, client, begin, start, abort } = useStartedRun('session', runId ?? null)
  const kept = shown.view?.items
  const items = useMemo(() => (kept === undefined ? none : [...itemsOf(kept)]), [kept])
  const startSession = useCallback(
    (body: Omit<StartSessionBody, 'kind'>) => start({ kind: 'session', ...body }),
    [start],
  )
  const { runId: followed } = shown
  const resumeSession = useCallback(
    async (prompt?: string) =>
      followed === null ? null : begin(() => client.resume(followed, prompt === undefined ? {} : { prompt })),
    [begin, client, followed],
  )
  return {
    ...shown,
    items,
    approvals: shown.view?.approvals ?? none,
    startSession,
    resumeSession,
    abortSession: abort,
  }
}
