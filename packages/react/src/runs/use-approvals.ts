import type { ClientError } from '@millrace/client'
import type { AnswerApprovalBody } from '@millrace/protocol'
import type { OpenApproval } from '@millrace/protocol/view'
import { useCallback } from 'react'
import { useClient } from '#provider'
import { useCalls } from './use-calls.ts'
import { useSnapshot } from './use-snapshot.ts'

export interface UsedApprovals {
  /** The questions of the run that nobody has answered yet, the oldest first. */
  approvals: readonly OpenApproval[]
  /** False when it was refused; `error` says why. An answered question leaves `approvals` when the log has the answer. */
  answer(approvalId: string, body: AnswerApprovalBody): Promise<boolean>
  isAnswering: boolean
  error: ClientError | null
}

const none: readonly OpenApproval[] = []

/** What a run asks people, and the way to answer. */
export function useApprovals(runId: string | null | undefined): UsedApprovals {
  const client = useClient()
  const { view, error } = useSnapshot(runId ?? null)
  const calls = useCalls(runId ?? null)
  const { perform } = calls
  const answer = useCallback(
    async (approvalId: string, body: AnswerApprovalBody) => {
      if (runId == null) return false
      return (await perform(() => client.answer(runId, approvalId, body))) !== null
    },
    [perform, client, runId],
  )
  const approvals = view !== null && view.kind !== 'job' ? view.approvals : none
  return { approvals, answer, isAnswering: calls.isPending, error: calls.error ?? error }
}
