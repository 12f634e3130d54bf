/** A new session with the conversation of this one: all of it, or up to an event. */
import type { ForkRunBody, Run } from '@millrace/protocol'
import { useClient } from '@millrace/react'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useRef } from 'react'
import { worktreeOf } from '#start/body.ts'
import { PlaceFields } from '#start/place-fields.tsx'
import { Button } from '#ui/button.tsx'
import { Dialog } from '#ui/dialog.tsx'
import { TextArea } from '#ui/field.tsx'
import { Problem } from '#ui/notice.tsx'
import { useAction } from './use-action.ts'

export interface ForkDialogProps {
  run: Run
  /** `seq` of the last event that belongs to the fork; null for the whole conversation. */
  at: number | null
  onClose(): void
}

export function ForkDialog({ run, at, onClose }: ForkDialogProps) {
  const client = useClient()
  const navigate = useNavigate()
  const { perform, isPending, error } = useAction()
  const prompt = useRef<HTMLTextAreaElement>(null)
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const filled = new FormData(event.currentTarget)
    const branch = String(filled.get('branch') ?? '').trim()
    const worktree = worktreeOf(String(filled.get('place')), branch === '' ? undefined : branch)
    const body: ForkRunBody = { prompt: String(filled.get('prompt')) }
    if (at !== null) body.at = at
    if (worktree !== undefined) body.worktree = worktree
    void perform(async () => {
      const { id } = await client.fork(run.id, body)
      onClose()
      await navigate({ to: '/runs/$runId', params: { runId: id } })
    })
  }
  return (
    <Dialog title={at === null ? 'Fork the conversation' : 'Fork from here'} onClose={onClose} first={prompt}>
      <form className="flex flex-col gap-3 p-4" onSubmit={submit}>
        <p className="text-soft">
          A new session begins with {at === null ? 'the whole conversation' : 'the conversation up to here'}.
          This one stays as it is.
        </p>
        <TextArea
          ref={prompt}
          name="prompt"
          rows={4}
          required
          maxLength={262_144}
          aria-label="Message"
          placeholder="What the fork is to do next"
        />
        <div className="grid gap-3 sm:grid-cols-2">
          <PlaceFields
            standard={typeof run.spec.worktree === 'undefined' ? 'in the project' : 'in a new worktree'}
          />
        </div>
        {error !== null && <Problem message={error.message} />}
        <div className="flex justify-end gap-2">
          <Button look="quiet" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" look="primary" disabled={isPending}>
            Fork
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
