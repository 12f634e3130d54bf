import { type CallItem, callInLine, type Item, type Nested } from '@millrace/protocol/view'
import { memo } from 'react'

/** What was thought, said and done, in order; what a subagent did below the call that started it. */
export function Items({ nested }: { nested: readonly Nested[] }) {
  return (
    <ol className="items">
      {nested.map(({ item, children }) => (
        <li key={item.key}>
          <One item={item} />
          {children.length > 0 && <Items nested={children} />}
        </li>
      ))}
    </ol>
  )
}

/** An item that no event changed is the same object as before, and is not rendered again. */
const One = memo(function One({ item }: { item: Item }) {
  switch (item.kind) {
    case 'call':
      return <Call call={item} />
    case 'thinking':
    case 'text':
      return (
        <p className={item.kind} data-kind={item.kind} data-key={item.key}>
          {item.text}
          {item.cutChars > 0 && <em> … {item.cutChars} more characters</em>}
        </p>
      )
    case 'note':
      return (
        <p className={item.isError ? 'note bad' : 'note'} data-kind="note">
          {item.text}
        </p>
      )
    case 'message':
      return (
        <p className="message" data-kind="message">
          {item.text}
          {item.status === 'waiting' && <em> waits</em>}
        </p>
      )
    case 'event':
      return (
        <p className="note" data-kind="event">
          {item.type} {JSON.stringify(item.data)}
        </p>
      )
    default:
      return item satisfies never
  }
})

const states: Record<CallItem['status'], string> = {
  running: 'running …',
  asked: 'waits for an answer',
  ok: '',
  error: 'failed',
  denied: 'denied',
  cancelled: 'cancelled',
}

function Call({ call }: { call: CallItem }) {
  const { status, durationMs, output, result } = call
  const took =
    durationMs === null ? '' : `${durationMs.toLocaleString('en', { maximumFractionDigits: 0 })} ms`
  // What a call printed while it ran is in its result, too.
  const shown = status === 'running' || result === undefined ? output.text : textOf(result)
  return (
    <div className={`call ${status}`} data-kind="call" data-call={call.toolCallId} data-status={status}>
      <code>{callInLine(call.toolName, call.input)}</code>
      <span className="quiet"> {states[status] || took}</span>
      {shown !== '' && <pre>{shown}</pre>}
      {diffsOf(result).map((diff) => (
        <pre key={diff}>{diff}</pre>
      ))}
    </div>
  )
}

/** Many results are objects with a `text`: those of agents, and of calls that changed files. */
export function textOf(result: unknown): string {
  if (typeof result === 'string') return result
  const { text } = (result ?? {}) as { text?: unknown }
  return typeof text === 'string' ? text : JSON.stringify(result, null, 2)
}

function diffsOf(result: unknown): string[] {
  const { files } = (result ?? {}) as { files?: unknown }
  if (!Array.isArray(files)) return []
  return files.flatMap(({ diff }) => (typeof diff === 'string' ? [diff] : []))
}
