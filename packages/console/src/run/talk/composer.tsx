/** Talking to an agent: a message while it works; when it is over, what to continue with. */
import { isFinal, type MessageMode, type Run } from '@millrace/protocol'
import { useClient } from '@millrace/react'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, type KeyboardEvent, useState } from 'react'
import { SendIcon } from '#run/icons.tsx'
import { useAction } from '#run/use-action.ts'
import { IconButton } from '#ui/button.tsx'
import { Select, TextArea } from '#ui/field.tsx'

const modes: Record<MessageMode, string> = {
  queue: 'After this turn',
  steer: 'At the next step',
  interrupt: 'Now, interrupting the turn',
}

export function Composer({ run }: { run: Run }) {
  const client = useClient()
  const navigate = useNavigate()
  const isOver = isFinal(run.state)
  const { perform, isPending, error } = useAction()
  const [text, setText] = useState('')
  const [mode, setMode] = useState<MessageMode>('queue')

  const send = () =>
    perform(async () => {
      if (!isOver) await client.say(run.id, { text, mode })
      else {
        const { id: runId } = await client.resume(run.id, { prompt: text })
        await navigate({ to: '/runs/$runId', params: { runId } })
      }
      setText('')
    })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (text.trim() !== '' && !isPending) void send()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) submit(event)
  }
  const label = isOver ? 'Continue with a message' : 'Message to the agent'
  return (
    <form onSubmit={submit} className="border-t border-line bg-bg px-4 py-3">
      <div className="mx-auto flex max-w-3xl flex-col gap-1">
        <div className="flex flex-wrap items-end justify-end gap-2 rounded-xl border border-line-strong bg-panel p-1.5 focus-within:border-accent">
          <TextArea
            rows={Math.min(text.split('\n').length, 8)}
            value={text}
            onChange={({ target }) => setText(target.value)}
            onKeyDown={onKeyDown}
            aria-label={label}
            placeholder={label}
            className="min-w-60 flex-1 resize-none border-transparent! bg-transparent! outline-none"
          />
          <span className="flex gap-2">
            {!isOver && <ModeChoice mode={mode} onMode={setMode} />}
            <IconButton
              type="submit"
              label="Send"
              disabled={isPending || text.trim() === ''}
              className="shrink-0 bg-accent! text-accent-text!"
            >
              <SendIcon />
            </IconButton>
          </span>
        </div>
        {error !== null && (
          <p role="alert" className="text-bad">
            {error.message}
          </p>
        )}
      </div>
    </form>
  )
}

function ModeChoice({ mode, onMode }: { mode: MessageMode; onMode(mode: MessageMode): void }) {
  return (
    <Select
      aria-label="When it is delivered"
      value={mode}
      onChange={({ target }) => onMode(target.value as MessageMode)}
      className="w-auto! border-transparent! text-[12px] text-muted!"
    >
      {Object.entries(modes).map(([value, name]) => (
        <option key={value} value={value}>
          {name}
        </option>
      ))}
    </Select>
  )
}
