/**
 * The answer to a question: allow once, or calls of exactly this kind in this run; allow something else; deny with a reason; or
 * what a form asks for.
 */
import { ClientError } from '@millrace/client'
import type { AnswerApprovalBody, OpenQuestion } from '@millrace/protocol'
import { useClient } from '@millrace/react'
import { type FormEvent, useId, useRef, useState } from 'react'
import { flushSync } from 'react-dom'
import { lookAgain } from '#live/live.ts'
import { forgetQuestion } from '#live/live-store.ts'
import { Button } from '#ui/button.tsx'
import { Input, TextArea } from '#ui/field.tsx'
import { editableOf, inputOf } from './edited-input.ts'
import { FormAnswer } from './form-answer.tsx'

type Way = 'choose' | 'deny' | 'edit'

export function Answer({ question }: { question: OpenQuestion }) {
  const [way, setWay] = useState<Way>('choose')
  const { answer, isPending, problem } = useAnswer(question)
  const place = useRef<HTMLDivElement>(null)
  // The keyboard returns to the button that led there.
  const leave = () => {
    flushSync(() => setWay('choose'))
    place.current?.querySelector<HTMLElement>(`[data-way="${way}"]`)?.focus()
  }
  return (
    <div ref={place} className="flex flex-col gap-2 pt-1">
      {problem !== null && (
        <p role="alert" className="text-bad">
          {problem}
        </p>
      )}
      {question.form !== undefined && (
        // A refusal leaves what was filled in.
        <div hidden={way !== 'choose'}>
          <FormAnswer
            form={question.form}
            isPending={isPending}
            answer={(values) => answer({ decision: 'allow', values })}
            decline={() => setWay('deny')}
          />
        </div>
      )}
      {way === 'choose' && question.form === undefined && (
        <div className="flex flex-wrap gap-2 max-sm:grid max-sm:grid-cols-2">
          <Button look="good" disabled={isPending} onClick={() => answer({ decision: 'allow' })}>
            Allow
          </Button>
          <Button
            disabled={isPending}
            title="The same call needs no further answer in this run"
            onClick={() => answer({ decision: 'allow', scope: 'run' })}
          >
            Allow for this run
          </Button>
          <Button data-way="edit" disabled={isPending} onClick={() => setWay('edit')}>
            Edit…
          </Button>
          <Button data-way="deny" disabled={isPending} onClick={() => setWay('deny')}>
            Deny…
          </Button>
        </div>
      )}
      {way === 'deny' && (
        <DenyForm
          isPending={isPending}
          verb={question.form === undefined ? 'Deny' : 'Decline'}
          deny={(message) => answer({ decision: 'deny', ...(message === '' ? {} : { message }) })}
          leave={leave}
        />
      )}
      {way === 'edit' && (
        <EditForm
          input={question.input}
          isPending={isPending}
          allow={(updatedInput) => answer({ decision: 'allow', updatedInput })}
          leave={leave}
        />
      )}
    </div>
  )
}

function useAnswer({ runId, approvalId }: OpenQuestion) {
  const client = useClient()
  const [isPending, setPending] = useState(false)
  const [problem, setProblem] = useState<string | null>(null)
  const send = async (body: AnswerApprovalBody) => {
    setPending(true)
    setProblem(null)
    try {
      await client.answer(runId, approvalId, body)
      forgetQuestion(approvalId)
      lookAgain()
    } catch (error) {
      if (!(error instanceof ClientError)) throw error
      // Somebody else was faster, or the run is over: the list says so presently.
      if (error.code === 'already_answered') lookAgain()
      setProblem(error.message)
      setPending(false)
    }
  }
  return { answer: (body: AnswerApprovalBody) => void send(body), isPending, problem }
}

function DenyForm({
  isPending,
  verb,
  deny,
  leave,
}: {
  isPending: boolean
  verb: string
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
        {verb}
      </Button>
      <Button look="quiet" onClick={leave}>
        Back
      </Button>
    </form>
  )
}

function EditForm({
  input,
  isPending,
  allow,
  leave,
}: {
  input: unknown
  isPending: boolean
  allow(input: Record<string, unknown>): void
  leave(): void
}) {
  const { label, text } = editableOf(input)
  const [edited, setEdited] = useState(text)
  const id = useId()
  const made = inputOf(input, edited)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (made !== null) allow(made)
  }
  return (
    <form onSubmit={submit} className="flex flex-col gap-2">
      <label htmlFor={id} className="text-[12px] font-medium text-soft">
        {label}
      </label>
      <TextArea
        id={id}
        autoFocus
        rows={Math.min(Math.max(edited.split('\n').length, 2), 12)}
        value={edited}
        spellCheck={false}
        className="font-mono"
        aria-invalid={made === null}
        onChange={({ target }) => setEdited(target.value)}
      />
      {made === null && <p className="text-bad">This is not a JSON object.</p>}
      <div className="flex gap-2">
        <Button type="submit" look="good" disabled={isPending || made === null}>
          Allow this instead
        </Button>
        <Button look="quiet" onClick={leave}>
          Back
        </Button>
      </div>
    </form>
  )
}
