/** Abort a run, start it again, or continue its conversation. */
import { isFinal, type Run } from '@millrace/protocol'
import { useClient } from '@millrace/react'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { Button } from '#ui/button.tsx'
import { Dialog } from '#ui/dialog.tsx'
import { TextArea } from '#ui/field.tsx'
import { Problem } from '#ui/notice.tsx'
import { ForkDialog } from './fork-dialog.tsx'
import { useAction } from './use-action.ts'

export function RunActions({ run }: { run: Run }) {
  const client = useClient()
  const navigate = useNavigate()
  const { perform, isPending, error } = useAction()
  const [isResuming, setResuming] = useState(false)
  const [isForking, setForking] = useState(false)
  const open = (runId: string) => navigate({ to: '/runs/$runId', params: { runId } })
  const isOver = isFinal(run.state)
  const isAgent = run.kind === 'session' || run.kind === 'execution'
  return (
    <div className="flex shrink-0 flex-col items-end gap-1 max-sm:w-full">
      <div className="flex flex-wrap justify-end gap-2">
        {!isOver && run.spec.interactive === true && (
          <Button disabled={isPending} onClick={() => perform(() => client.finish(run.id))}>
            Finish
          </Button>
        )}
        {!isOver && (
          <Button look="danger" disabled={isPending} onClick={() => perform(() => client.abort(run.id))}>
            Abort
          </Button>
        )}
        {isOver && isAgent && (
          <Button look="primary" disabled={isPending} onClick={() => setResuming(true)}>
            Resume
          </Button>
        )}
        {run.kind === 'session' && (
          <Button disabled={isPending} onClick={() => setForking(true)}>
            Fork
          </Button>
        )}
        {isOver && run.kind !== 'external' && (
          <Button
            disabled={isPending}
            onClick={() => perform(async () => open((await client.retry(run.id)).id))}
          >
            Retry
          </Button>
        )}
      </div>
      {error !== null && (
        <p role="alert" className="max-w-60 text-right text-[12px] text-bad">
          {error.message}
        </p>
      )}
      {isForking && <ForkDialog run={run} at={null} onClose={() => setForking(false)} />}
      {isResuming && <ResumeDialog run={run} onClose={() => setResuming(false)} onResumed={open} />}
    </div>
  )
}

function ResumeDialog({
  run,
  onClose,
  onResumed,
}: {
  run: Run
  onClose(): void
  onResumed(runId: string): void
}) {
  const client = useClient()
  const { perform, isPending, error } = useAction()
  const [prompt, setPrompt] = useState('')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void perform(async () => {
      const resumed = await client.resume(run.id, prompt.trim() === '' ? {} : { prompt })
      onClose()
      onResumed(resumed.id)
    })
  }
  return (
    <Dialog title="Resume the conversation" onClose={onClose}>
      <form className="flex flex-col gap-3 p-4" onSubmit={submit}>
        <TextArea
          rows={4}
          value={prompt}
          onChange={({ target }) => setPrompt(target.value)}
          aria-label="Message"
          placeholder="What to do next. Without a message, the agent continues where it was."
        />
        {error !== null && <Problem message={error.message} />}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" disabled={isPending}>
            Resume
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
