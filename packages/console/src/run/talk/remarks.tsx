/** Notes, messages of people, and events of other programs. */
import type { EventItem, MessageItem, NoteItem } from '@millrace/protocol/view'
import type { ReactNode } from 'react'
import { nameOfEvent, summaryOf } from '#run/events/event-words.ts'
import { Badge } from '#ui/badge.tsx'
import { classes } from '#ui/classes.ts'

export function Note({ item: { text, isError } }: { item: NoteItem }) {
  return (
    <p
      className={classes(
        'rounded-md px-3 py-1.5 text-[12px] break-words whitespace-pre-wrap',
        isError ? 'bg-bad-soft text-bad' : 'text-muted',
      )}
    >
      {text}
    </p>
  )
}

/** What a person wrote: the task at the beginning, and messages later. */
export function PersonSaid({
  text,
  user,
  status,
  children,
}: {
  text: string
  user: string | null
  status?: MessageItem['status'] | undefined
  children?: ReactNode
}) {
  return (
    <div className="flex flex-col items-end gap-1">
      <div
        className={classes(
          'max-w-[88%] rounded-xl rounded-br-sm bg-accent-soft px-3.5 py-2 break-words whitespace-pre-wrap',
          status === 'withdrawn' && 'line-through opacity-60',
        )}
      >
        {text}
      </div>
      <p className="flex items-center gap-2 text-[12px] text-muted">
        {user}
        {status === 'waiting' && <Badge tone="wait">waiting</Badge>}
        {status === 'withdrawn' && 'taken back'}
        {children}
      </p>
    </div>
  )
}

const fieldsShown = 12

/** An event of a type that nobody here has heard of: its name, what it says, and its fields. */
export function Happened({ item: { type, data } }: { item: EventItem }) {
  const fields = fieldsOf(data)
  const summary = summaryOf(data)
  return (
    <details className="group rounded-lg border border-line bg-panel">
      <summary className="flex min-h-8 list-none items-center gap-2 px-3 py-1 hover:bg-hover">
        <Badge>{nameOfEvent(type)}</Badge>
        <span className="min-w-0 flex-1 truncate text-soft">{summary}</span>
      </summary>
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 border-t border-line px-3 py-2 text-[12px]">
        <dt className="text-muted">type</dt>
        <dd className="font-mono">{type}</dd>
        {fields.slice(0, fieldsShown).map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-muted">{name}</dt>
            <dd className="min-w-0 font-mono break-words whitespace-pre-wrap">{value}</dd>
          </div>
        ))}
        {data === undefined && (
          <dd className="col-span-2 text-muted">It is long: the whole is in the log.</dd>
        )}
      </dl>
    </details>
  )
}

const valueCharsMax = 2000

function fieldsOf(data: unknown): [name: string, value: string][] {
  if (typeof data !== 'object' || data === null) return data === undefined ? [] : [['data', String(data)]]
  return Object.entries(data).map(([name, value]) => {
    const text = typeof value === 'string' ? value : (JSON.stringify(value, null, 2) ?? '')
    return [name, text.length > valueCharsMax ? `${text.slice(0, valueCharsMax)}…` : text]
  })
}
