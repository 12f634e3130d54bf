/** A question to people: exactly what would run, and the answers to it. */
import { callInFull, type OpenApproval } from '@millrace/protocol/view'
import { useApprovals } from '@millrace/react'
import { useState } from 'react'
import { Diff } from '#run/changes/diff.tsx'
import { Button } from '#ui/button.tsx'
import { Input } from '#ui/field.tsx'
import { useNow } from '#ui/now.ts'
import { durationText } from '#ui/time-words.ts'
import { editOf } from './edits.ts'

export function Approvals({ runId }: { runId: string }) {
  const { approvals, answer, isAnswering, error } = useApprovals(runId)
  if (approvals.length === 0) return null
  return (
    <div className="max-h-[50dvh] overflow-y-auto border-t border-line bg-wait-soft">
      {approvals.map((approval) => (
        <Question
          key={approval.approvalId}
          approval={approval}
          isAnswering={isAnswering}
          problem={error?.message ?? null}
          onAnswer={(decision, message) =>
            answer(approval.approvalId, message === '' ? { decision } : { decision, message })
          }
        />
      ))}
    </div>
  )
}

interface QuestionProps {
  approval: OpenApproval
  isAnswering: boolean
  problem: string | null
  onAnswer(decision: 'allow' | 'deny', message: string): Promise<boolean>
}

function Question({ approval, isAnswering, problem, onAnswer }: QuestionProps) {
  const { tool, input, reason, expiresAt } = approval
  const [message, setMessage] = useState('')
  const [isAnswered, setAnswered] = useState(false)
  const edit = editOf(input)
  const send = async (decision: 'allow' | 'deny') => setAnswered(await onAnswer(decision, message.trim()))
  const isBusy = isAnswering || isAnswered
  return (
    <section
      aria-label={`The agent asks to run ${tool}`}
      className="mx-auto flex max-w-3xl flex-col gap-2 px-4 py-3"
    >
      <h2 className="flex items-baseline gap-2">
        <span className="font-semibold text-wait">The agent asks to run {tool}</span>
        <Expiry at={expiresAt} />
      </h2>
      <p className="text-soft">{reason}</p>
      <div className="max-h-60 overflow-auto rounded-md border border-line bg-panel">
        {edit === null ? (
          <pre className="px-3 py-2 font-mono text-[12px] break-words whitespace-pre-wrap">
            {callInFull(tool, input)}
          </pre>
        ) : (
          <>
            <p className="border-b border-line px-3 py-1 font-mono text-[12px]">{edit.path}</p>
            <Diff lines={edit.lines} />
          </>
        )}
      </div>
      <div className="flex flex-wrap items-center gap-2">
        <Button look="good" disabled={isBusy} onClick={() => send('allow')}>
          Allow
        </Button>
        <Button look="danger" disabled={isBusy} onClick={() => send('deny')}>
          Deny
        </Button>
        <Input
          value={message}
          onChange={({ target }) => setMessage(target.value)}
          aria-label="Message to the agent"
          placeholder="Why not, or what instead"
          className="min-w-40 flex-1"
        />
      </div>
      {problem !== null && (
        <p role="alert" className="text-bad">
          {problem}
        </p>
      )}
    </section>
  )
}

function Expiry({ at }: { at: number }) {
  const left = at - useNow()
  if (left <= 0) return null
  return (
    <span className="text-[12px] whitespace-nowrap text-muted">
      denied in {durationText(left)} unless answered
    </span>
  )
}
