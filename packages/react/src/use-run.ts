/** Hooks that show one run. */
import type { FollowStatus } from '@millrace/client'
import type { AnswerApprovalBody, Run, RunKind } from '@millrace/protocol'
import type { OpenApproval, View, ViewOf } from '@millrace/protocol/view'
import { useCallback, useMemo, useSyncExternalStore } from 'react'
import { useMillrace } from './provider.ts'
import { notYet, type RunSnapshot } from './run-source.ts'

export interface ShownRun<V extends View = View> {
  /** What a person sees of the run; null until its first event has arrived. */
  view: V | null
  status: FollowStatus | 'idle'
  /** Why it is `reconnecting` or `failed`. */
  error: Error | null
  /** After `failed`: tries again from where it was. */
  retry(): void
  abort(): Promise<Run>
}

const idle: Omit<RunSnapshot, 'status'> & { status: FollowStatus | 'idle' } = { ...notYet, status: 'idle' }
const subscribeToNothing = () => () => {}

/** Follows a run while it is mounted. Null: none. */
export function useRun<Kind extends RunKind = RunKind>(
  runId: string | null | undefined,
): ShownRun<ViewOf<Kind>> {
  const { sources, client } = useMillrace()
  const subscribe = useCallback(
    (listener: () => void) => (runId == null ? subscribeToNothing() : sources.subscribe(runId, listener)),
    [sources, runId],
  )
  const look = () => (runId == null ? idle : sources.snapshot(runId))
  const { view, status, error } = useSyncExternalStore(subscribe, look, () => (runId == null ? idle : notYet))
  return useMemo(
    () => ({
      view: view as ViewOf<Kind> | null,
      status,
      error,
      retry: () => {
        if (runId != null) sources.retry(runId)
      },
      abort: async () => client.abort(named(runId)),
    }),
    [view, status, error, sources, client, runId],
  )
}

export interface ShownApprovals {
  /** Questions of the run that nobody has answered yet. */
  approvals: readonly OpenApproval[]
  /** The first answer counts: a later one fails with `already_answered`. */
  answer(approvalId: string, decision: AnswerApprovalBody['decision'], message?: string): Promise<void>
}

const none: readonly OpenApproval[] = []

export function useApprovals(runId: string | null | undefined): ShownApprovals {
  const { client } = useMillrace()
  const { view } = useRun(runId)
  const approvals = view !== null && 'approvals' in view ? view.approvals : none
  return useMemo(
    () => ({
      approvals,
      answer: async (approvalId, decision, message) => {
        const body = { decision, ...(message === undefined ? {} : { message }) }
        await client.answer(named(runId), approvalId, body)
      },
    }),
    [approvals, client, runId],
  )
}

export function named(runId: string | null | undefined): string {
  if (runId == null) throw new Error('There is no run yet')
  return runId
}
