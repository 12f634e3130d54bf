/** The log of a job, with its toolbar. */
import type { Run } from '@millrace/protocol'
import { useClient } from '@millrace/react'
import { type RefObject, useEffect, useRef, useState } from 'react'
import { EventDetail } from '#run/events/event-detail.tsx'
import { RowWindow } from '#run/rows/row-window.ts'
import { useAddressedEvent } from '#run/use-addressed-event.ts'
import { Problem } from '#ui/notice.tsx'
import type { EventLog } from './event-log.ts'
import { exportLines, saveFile } from './export.ts'
import { type LogOptions, LogToolbar } from './log-toolbar.tsx'
import { LogView, rowPx, type Selection } from './log-view.tsx'
import './log.css'
import { useLogState } from './use-event-log.ts'
import { useSearch } from './use-search.ts'

export interface LogPageProps {
  run: Run
  log: EventLog
  /** Shows events with their types and, of the chosen one, all of its data. */
  isRaw?: boolean
}

export function LogPage({ run, log, isRaw = false }: LogPageProps) {
  const state = useLogState(log)
  const [rows] = useState(() => new RowWindow(rowPx))
  const [options, setOptions] = useOptions()
  const [selection, setSelection] = useState<Selection | null>(null)
  const [addressed, setAddressed] = useAddressedEvent()
  const field = useRef<HTMLInputElement>(null)
  const { text, setText, found, current, move } = useMatches(run.id, state, rows)
  const exports = useExports(run, state, selection)

  // Once the log is known: where the address points to, else its end.
  const isKnown = state.firstSeq > 0
  useEffect(() => {
    if (isKnown && addressed !== null) rows.show(addressed - state.firstSeq)
  }, [rows, isKnown, addressed, state.firstSeq])

  useSearchKeys(field)
  const target = found.matches[current] ?? addressed
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <LogToolbar
        text={text}
        onText={setText}
        found={found}
        current={current}
        onMove={move}
        options={options}
        onOptions={setOptions}
        onCopy={exports.copy}
        onDownload={exports.download}
        field={field}
      />
      {state.error !== null && state.status !== 'reconnecting' && (
        <Problem message={state.error.message} retry={() => log.retry()} />
      )}
      <LogView
        log={log}
        rows={rows}
        look={{ ...options, searched: text, isRaw }}
        target={target}
        selection={selection}
        onSelect={(selected) => {
          setSelection(selected)
          setAddressed(selected.first)
        }}
        isLive={!state.isClosed}
      />
      {isRaw && addressed !== null && (
        <EventDetail event={log.event(addressed)} onClose={() => setAddressed(null)} />
      )}
    </div>
  )
}

/** `/`, and the keys of the browser's own search, which finds only what is visible. */
function useSearchKeys(field: RefObject<HTMLInputElement | null>): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const isFind = event.key === 'f' && (event.ctrlKey || event.metaKey) && !event.shiftKey
      const isTyped =
        event.target instanceof Element && event.target.closest('input, textarea, select, dialog') !== null
      if (event.defaultPrevented || (!isFind && (event.key !== '/' || isTyped))) return
      event.preventDefault()
      field.current?.focus()
      field.current?.select()
    }
    addEventListener('keydown', pressed)
    return () => removeEventListener('keydown', pressed)
  }, [field])
}

function useMatches(runId: string, state: { firstSeq: number; head: number }, rows: RowWindow) {
  const [text, setText] = useState('')
  const found = useSearch(runId, text, state.head)
  const [at, setAt] = useState({ text: '', current: 0 })
  const current = at.text === text ? at.current : 0
  const match = found.matches[current]
  useEffect(() => {
    if (match !== undefined) rows.show(match - state.firstSeq)
  }, [rows, match, state.firstSeq])
  const move = (step: 1 | -1) => {
    const { length } = found.matches
    if (length > 0) setAt({ text, current: (current + step + length) % length })
  }
  return { text, setText, found, current, move }
}

const copiedLinesMax = 10_000

function useExports(
  run: Run,
  { firstSeq, head }: { firstSeq: number; head: number },
  chosen: Selection | null,
) {
  const client = useClient()
  return {
    copy: async () => {
      if (!isSecureContext)
        throw new Error('only a page over HTTPS, or on the server’s own machine, may copy')
      const range = chosen ?? { first: Math.max(firstSeq, head - copiedLinesMax + 1), last: head }
      const { parts, lines } = await exportLines(client, run.id, range)
      await navigator.clipboard.writeText(parts.join(''))
      const isPart = chosen === null && head - firstSeq + 1 > copiedLinesMax
      return `Copied ${isPart ? 'the last ' : ''}${lines.toLocaleString('en')} lines`
    },
    download: async () => {
      const { parts, lines } = await exportLines(client, run.id, { first: firstSeq, last: head })
      saveFile(`${run.id}.log`, parts)
      return `Saved ${lines.toLocaleString('en')} lines`
    },
  }
}

const optionsKey = 'millrace.log'

function useOptions(): [LogOptions, (options: LogOptions) => void] {
  const [options, setOptions] = useState<LogOptions>(() => {
    const kept = { hasTime: false, isWrapped: false }
    try {
      return { ...kept, ...(JSON.parse(localStorage.getItem(optionsKey) ?? '{}') as Partial<LogOptions>) }
    } catch {
      return kept
    }
  })
  const keep = (changed: LogOptions) => {
    setOptions(changed)
    try {
      localStorage.setItem(optionsKey, JSON.stringify(changed))
    } catch {
      // Without storage they last as long as the page.
    }
  }
  return [options, keep]
}
