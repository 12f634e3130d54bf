/** One line of a log. */

import { memo } from 'react'
import { nameOfEvent, summaryOf } from '#run/events/event-words.ts'
import { classes } from '#ui/classes.ts'
import { plain, type Style, styledLine } from './ansi.ts'
import type { LoggedEvent } from './blocks.ts'
import { levelOf, markOf } from './groups.ts'
import { marked } from './matches.ts'
import { SpanText } from './span-text.tsx'

export interface RowLook {
  hasTime: boolean
  isWrapped: boolean
  /** Text to mark, or empty. */
  searched: string
  /** The log is shown as events, with their types, rather than as lines. */
  isRaw?: boolean
}

export interface LogRowProps extends RowLook {
  seq: number
  /** Undefined while it is being read. */
  event: LoggedEvent | undefined
  /** It is what the address points to, or the match that is looked at. */
  isTarget: boolean
  isSelected: boolean
  /** Of a line that begins a group: whether it is folded. Undefined for other lines. */
  isFolded?: boolean | undefined
  /** What earlier lines left on. */
  style?: Style | undefined
}

export const LogRow = memo(function LogRow(props: LogRowProps) {
  const { seq, event, isTarget, isSelected, isWrapped, hasTime } = props
  return (
    <div
      data-seq={seq}
      className={classes(
        'log-row flex min-w-max',
        isWrapped && 'log-row-wrapped min-w-0!',
        isSelected && 'bg-accent-soft',
        isTarget && 'log-row-target',
      )}
    >
      <a href={`#${seq}`} className="log-number">
        {seq}
      </a>
      {hasTime && <span className="log-time">{event?.at == null ? '' : timeText(event.at)}</span>}
      {event === undefined ? (
        <span className="log-text text-muted">…</span>
      ) : (
        <Text {...props} event={event} />
      )}
    </div>
  )
})

/** What a line of a terminal shows in the end: a carriage return begins it anew. */
function shownOf(line: string, terminal: unknown): string {
  if (terminal === undefined) return line
  return (
    line
      .replace(/\r*\n$/, '')
      .split('\r')
      .findLast((state) => state !== '') ?? ''
  )
}

function Text({ event, searched, isFolded, isRaw, style = plain }: LogRowProps & { event: LoggedEvent }) {
  const { line, stream, truncated, terminal } = (event.data ?? {}) as {
    line?: unknown
    terminal?: unknown
    stream?: unknown
    truncated?: unknown
  }
  if (isRaw) {
    return (
      <span className="log-text">
        <span className="log-type">{event.type}</span>
        <SpanText spans={marked([{ text: summaryOf(event.data), style: {} }], searched)} />
      </span>
    )
  }
  if (event.type !== 'output' || typeof line !== 'string') {
    return (
      <span className="log-text text-muted italic">
        {nameOfEvent(event.type)} {summaryOf(event.data)}
      </span>
    )
  }
  const mark = markOf(line)
  if (mark?.kind === 'end') return <span className="log-text text-muted">—</span>
  if (mark?.kind === 'begin') {
    return (
      <button type="button" className="log-text log-group" aria-expanded={!isFolded}>
        {mark.title}
      </button>
    )
  }
  const level = levelOf(line)
  const text = level?.text ?? shownOf(line, terminal)
  return (
    <span className={classes('log-text', stream === 'stderr' && 'log-stderr', level && `log-${level.level}`)}>
      <SpanText spans={marked(styledLine(text, style).spans, searched)} />
      {truncated !== undefined && <span className="text-muted"> … (cut: the line was too long)</span>}
    </span>
  )
}

/** `14:03:07.250`. */
function timeText(at: number): string {
  const date = new Date(at)
  const two = (value: number) => String(value).padStart(2, '0')
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`
}
