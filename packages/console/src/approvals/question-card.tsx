/** A question of a run: exactly what would run, and the answer. */
import type { Form, OpenQuestion } from '@millrace/protocol'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useOverview } from '#inbox/overview.ts'
import { Badge } from '#ui/badge.tsx'
import { Button } from '#ui/button.tsx'
import { useNow } from '#ui/now.ts'
import { titleOf } from '#ui/run-words.ts'
import { leftText } from '#ui/time-words.ts'
import { Answer } from './answer.tsx'
import { Call } from './call.tsx'

/** `isBrief`: among other things. A form is then folded, since it would push them away. */
export function QuestionCard({ question, isBrief = false }: { question: OpenQuestion; isBrief?: boolean }) {
  const { tool, input, reason, agentId, form } = question
  const [isFolded, setFolded] = useState(isBrief && form !== undefined)
  return (
    <article
      aria-label={`Question: ${tool}`}
      className="rounded-lg border border-line-strong bg-panel shadow-sm"
    >
      <header className="flex items-center gap-2 border-b border-line px-3 py-2 sm:px-4">
        <Badge tone="wait">{form === undefined ? tool : 'Question'}</Badge>
        {agentId !== undefined && <Badge>subagent</Badge>}
        <WhereAsked question={question} />
        <span className="flex-1" />
        <Expiry at={question.expiresAt} />
      </header>
      <div className="flex flex-col gap-2 px-3 py-3 sm:px-4">
        {form === undefined ? (
          <Call input={input} reason={reason} />
        ) : isFolded ? (
          <FoldedForm form={form} open={() => setFolded(false)} />
        ) : (
          <FormMessage form={form} />
        )}
        {!isFolded && (
          <div ref={isBrief && form !== undefined ? focusFirst : undefined}>
            <Answer question={question} />
          </div>
        )}
      </div>
    </article>
  )
}

/** Somebody has just unfolded it, to fill it in. */
function focusFirst(element: HTMLElement | null): void {
  element?.querySelector<HTMLElement>('input, textarea, select')?.focus()
}

/** What a form asks first, and the way to the rest. */
function FoldedForm({ form: { message, schema }, open }: { form: Form; open(): void }) {
  const fields = Object.values(schema.properties)
  const [asked = message] = fields.map(({ description, title }) => description ?? title)
  const others = fields.length - 1
  return (
    <>
      <p className="font-medium">{asked}</p>
      <div className="flex items-center gap-3">
        <Button look="good" aria-expanded={false} onClick={open}>
          Answer…
        </Button>
        {others > 0 && <span className="text-[12px] text-muted">and {others} more</span>}
      </div>
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
      {leftText(left)}
    </span>
  )
}
