/** What the run asks people, between its conversation and what can be said to it. */
import type { OpenApproval } from '@millrace/protocol/view'
import { QuestionCard } from '#approvals/question-card.tsx'

export function Approvals({ runId, approvals }: { runId: string; approvals: readonly OpenApproval[] }) {
  if (approvals.length === 0) return null
  return (
    <section
      aria-label="Questions"
      className="max-h-[55dvh] shrink-0 overflow-y-auto border-t border-line bg-wait-soft p-3 [--answer-bottom:-0.75rem]"
    >
      <div className="mx-auto flex max-w-3xl flex-col gap-2">
        {approvals.map((approval) => (
          <QuestionCard key={approval.approvalId} question={{ ...approval, runId }} />
        ))}
      </div>
    </section>
  )
}
