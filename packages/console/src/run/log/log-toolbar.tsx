/** What can be done with a log: search, timestamps, wrapping, copying, downloading. */
import { messageOf } from '@millrace/protocol'
import { type KeyboardEvent, type ReactNode, type RefObject, useState } from 'react'
import { ClockIcon, CopyIcon, DownIcon, DownloadIcon, UpIcon, WrapIcon } from '#run/icons.tsx'
import { IconButton } from '#ui/button.tsx'
import { classes } from '#ui/classes.ts'
import { Input } from '#ui/field.tsx'
import type { SearchState } from './search.ts'

export interface LogOptions {
  hasTime: boolean
  isWrapped: boolean
}

export interface LogToolbarProps {
  text: string
  onText(text: string): void
  found: SearchState
  /** Which of the matches is looked at, from 0. */
  current: number
  onMove(step: 1 | -1): void
  options: LogOptions
  onOptions(options: LogOptions): void
  /** Each resolves with what is to be said about it. */
  onCopy(): Promise<string>
  onDownload(): Promise<string>
  field: RefObject<HTMLInputElement | null>
}

export function LogToolbar(props: LogToolbarProps) {
  const { text, onText, found, current, onMove, options, onOptions, field } = props
  const [said, setSaid] = useState('')
  const perform = (action: () => Promise<string>) => async () =>
    setSaid(await action().catch((error) => `That failed: ${messageOf(error)}`))
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter') onMove(event.shiftKey ? -1 : 1)
    else if (event.key === 'Escape') onText('')
    else return
    event.preventDefault()
  }
  return (
    <div className="flex items-center gap-1 border-b border-line bg-panel px-2 py-1.5">
      <div className="relative min-w-0 max-w-md flex-1">
        <Input
          ref={field}
          type="search"
          value={text}
          onChange={({ target }) => onText(target.value)}
          onKeyDown={onKeyDown}
          placeholder="Search the log"
          aria-label="Search the log"
          className={classes(text !== '' && 'pr-28')}
        />
        {text !== '' && (
          <div className="absolute inset-y-0 right-1 flex items-center">
            <output className="px-1 text-[12px] text-muted tabular-nums">{countText(found, current)}</output>
            <StepButton label="Previous match" onClick={() => onMove(-1)} icon={<UpIcon />} />
            <StepButton label="Next match" onClick={() => onMove(1)} icon={<DownIcon />} />
          </div>
        )}
      </div>
      <output className="min-w-0 flex-1 truncate px-1 text-right text-[12px] text-muted max-sm:sr-only">
        {found.error === null ? said : `The search failed: ${found.error.message}`}
      </output>
      <Toggle
        label="Timestamps"
        isOn={options.hasTime}
        onClick={() => onOptions({ ...options, hasTime: !options.hasTime })}
        icon={<ClockIcon />}
      />
      <Toggle
        label="Wrap lines"
        isOn={options.isWrapped}
        onClick={() => onOptions({ ...options, isWrapped: !options.isWrapped })}
        icon={<WrapIcon />}
      />
      <IconButton label="Copy" onClick={perform(props.onCopy)}>
        <CopyIcon />
      </IconButton>
      <IconButton label="Download" onClick={perform(props.onDownload)}>
        <DownloadIcon />
      </IconButton>
    </div>
  )
}

function countText({ matches, isSearching, isFull }: SearchState, current: number): string {
  const more = isSearching ? '…' : isFull ? '+' : ''
  if (matches.length === 0) return isSearching ? 'searching…' : 'none'
  return `${current + 1}/${matches.length}${more}`
}

function StepButton({ label, onClick, icon }: { label: string; onClick(): void; icon: ReactNode }) {
  return (
    <IconButton label={label} onClick={onClick} className="size-6! max-sm:size-8!">
      {icon}
    </IconButton>
  )
}

function Toggle({
  label,
  isOn,
  onClick,
  icon,
}: {
  label: string
  isOn: boolean
  onClick(): void
  icon: ReactNode
}) {
  return (
    <IconButton
      label={label}
      aria-pressed={isOn}
      onClick={onClick}
      className={classes(isOn && 'bg-accent-soft text-accent!')}
    >
      {icon}
    </IconButton>
  )
}
