/** A question of a run: exactly what would run, and the answer. */
import { ClientError } from '@millrace/client'
import type { OpenQuestion } from '@millrace/protocol'
import { useClient } from '@millrace/react'
import { Link } from '@tanstack/react-router'
import { type FormEvent, useId, useRef, useState } from 'react'
import { useOverview } from '#inbox/overview.ts'
import { lookAgain } from '#live/live.ts'
import { forgetQuestion } from '#live/live-store.ts'
import { Badge } from '#ui/badge.tsx'
import { Button } from '#ui/button.tsx'
import { classes } from '#ui/classes.ts'
import { Input } from '#ui/field.tsx'
import { useNow } from '#ui/now.ts'
import { titleOf } from '#ui/run-words.ts'
import { durationText } from '#ui/time-words.ts'
import { callParts } from './call-parts.ts'
import { Exact } from './exact.tsx'

export function QuestionCard({ question }: { question: OpenQuestion }) {
  const { tool, input, reason, agentId } = question
  return (
    <article
      aria-label={`Question: ${tool}`}
      className="rounded-lg border border-line-strong bg-panel shadow-sm"
    >
      <header className="flex items-center gap-2 border-b border-line px-3 py-2 sm:px-4">
        <Badge tone="wait">{tool}</Badge>
        {agentId !== undefined && <Badge>subagent</Badge>}
        <WhereAsked question={question} />
        <span className="flex-1" />
        <Expiry at={question.expiresAt} />
      </header>
      <div className="flex flex-col gap-2 px-3 py-3 sm:px-4">
        {callParts(input).map(({ label, text, change }) => (
          <div key={label}>
            <div className="mb-1 text-[11px] font-medium text-muted">{label}</div>
            <Exact
              text={text}
              className={classes(
                change === 'removed' && 'border-l-2 border-l-bad',
                change === 'added' && 'border-l-2 border-l-good',
              )}
            />
          </div>
        ))}
        <p className="text-[12px] text-soft">
          <span className="text-muted">Why it asks: </span>
          {reason}
        </p>
        <Answer question={question} />
      </div>
    </article>
  )
}

function WhereAsked({ question: { runId } }: { question: OpenQuestion }) {
  const run = useOverview(({ runs }) => runs.get(runId))
  return (
    <Link
      to="/runs/$runId"
      params={{ runId }}
      className="min-w-0 truncate text-[12px] text-soft underline-offset-2 hover:underline"
    >
      {run === undefined ? 'Open the run' : [titleOf(run), run.project].filter(Boolean).join(' · ')}
    </Link>
  )
}

function Expiry({ at }: { at: number }) {
  const left = at - useNow()
  return (
    <span
      className="text-[12px] whitespace-nowrap text-muted tabular-nums"
      title="Unanswered until then, it is denied"
    >
      {left > 0 ? `${durationText(left)} left` : 'expired'}
    </span>
  )
}

type Pending = 'allow' | 'deny' | null

function Answer({ question: { runId, approvalId } }: { question: OpenQuestion }) {
  const client = useClient()
  const [isDenying, setDenying] = useState(false)
  const [pending, setPending] = useState<Pending>(null)
  const [problem, setProblem] = useState<string | null>(null)

  const answer = async (decision: 'allow' | 'deny', message?: string) => {
    setPending(decision)
    setProblem(null)
    try {
      await client.answer(runId, approvalId, { decision, ...(message ? { message } : {}) })
      forgetQuestion(approvalId)
      lookAgain()
    } catch (error) {
      if (!(error instanceof ClientError)) throw error
      // Somebody else was faster, or the run is over: the list says so presently.
      if (error.code === 'already_answered') lookAgain()
      setProblem(error.message)
      setPending(null)
    }
  }
  return (
    <div className="flex flex-col gap-2 pt-1">
      {problem !== null && (
        <p role="alert" className="text-bad">
          {problem}
        </p>
      )}
      {isDenying ? (
        <DenyForm
          isPending={pending !== null}
          deny={(message) => void answer('deny', message)}
          leave={() => setDenying(false)}
        />
      ) : (
        <div className="flex gap-2">
          <Button
            look="good"
            className="max-sm:flex-1"
            disabled={pending !== null}
            onClick={() => void answer('allow')}
          >
            Allow
          </Button>
          <Button className="max-sm:flex-1" disabled={pending !== null} onClick={() => setDenying(true)}>
            Deny…
          </Button>
        </div>
      )}
    </div>
  )
}

function DenyForm({
  isPending,
  deny,
  leave,
}: {
  isPending: boolean
  deny(reason: string): void
  leave(): void
}) {
  const reason = useRef<HTMLInputElement>(null)
  const id = useId()
  const submit = (event: FormEvent) => {
    event.preventDefault()
    deny(reason.current?.value.trim() ?? '')
  }
  return (
    <form onSubmit={submit} className="flex flex-wrap items-center gap-2">
      <label htmlFor={id} className="sr-only">
        Why not (the agent reads it)
      </label>
      <Input
        id={id}
        ref={reason}
        autoFocus
        maxLength={4096}
        placeholder="Why not? The agent reads it."
        className="min-w-40 flex-1"
      />
      <Button type="submit" look="danger" disabled={isPending}>
        Deny
      </Button>
      <Button look="quiet" onClick={leave}>
        Back
      </Button>
    </form>
  )
}
