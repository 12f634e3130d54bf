/** A question of a run: exactly what would run, and the answer. */
import type { Form, OpenQuestion } from '@millrace/protocol'
import { Link } from '@tanstack/react-router'
import { useOverview } from '#inbox/overview.ts'
import { Badge } from '#ui/badge.tsx'
import { classes } from '#ui/classes.ts'
import { useNow } from '#ui/now.ts'
import { titleOf } from '#ui/run-words.ts'
import { durationText } from '#ui/time-words.ts'
import { Answer } from './answer.tsx'
import { callParts } from './call-parts.ts'
import { Exact } from './exact.tsx'

export function QuestionCard({ question }: { question: OpenQuestion }) {
  const { tool, input, reason, agentId, form } = question
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
        {form === undefined ? <Call input={input} reason={reason} /> : <FormMessage form={form} />}
        <Answer question={question} />
      </div>
    </article>
  )
}

/** All of what would run, and why it is asked about. */
function Call({ input, reason }: Pick<OpenQuestion, 'input' | 'reason'>) {
  return (
    <>
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
    </>
  )
}

/** What is asked, unless the fields say the same. */
function FormMessage({ form: { message, schema } }: { form: Form }) {
  const said = new Set(Object.values(schema.properties).map(({ description }) => description))
  if (message.split('\n').every((line) => said.has(line))) return null
  return <p className="font-medium whitespace-pre-line">{message}</p>
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
