/** A call of a tool: what it does, what it prints, how it ended; and below it, what its subagent does. */
import { type CallItem, type CallStatus, callInLine } from '@millrace/protocol/view'
import { type ReactNode, useId, useMemo, useState } from 'react'
import { Diff } from '#run/changes/diff.tsx'
import { CheckIcon, ChevronIcon, CrossIcon, StopIcon } from '#run/icons.tsx'
import { Badge, type Tone } from '#ui/badge.tsx'
import { classes } from '#ui/classes.ts'
import { isPath, Path } from '#ui/path.tsx'
import { Dot } from '#ui/state-dot.tsx'
import { durationText } from '#ui/time-words.ts'
import { type Edit, editsOf } from './edits.ts'
import { textOfInput, textOfResult } from './results.ts'
import { TextBlock } from './text-block.tsx'

/** While it waits, the form shows what its input says. */
const formTool = 'AskUserQuestion'

export function CallCard({
  call,
  cwd,
  children,
}: {
  call: CallItem
  cwd: string | null
  /** What its subagent did. */
  children?: ReactNode
}) {
  const { toolName, input, edits: shown, status, durationMs } = call
  const edits = useMemo(() => editsOf({ input, ...(shown && { edits: shown }) }), [input, shown])
  // Open where there is something to see, until somebody says otherwise.
  const [chosen, setChosen] = useState<boolean | null>(null)
  const isWaiting = status === 'asked' && toolName === formTool
  const isOpen = chosen ?? ((!isWaiting && status !== 'ok') || children !== undefined || edits.length > 0)
  const id = useId()
  const name = toolName || 'a tool'
  const line = callInLine(name, input, cwd ?? undefined)
  return (
    <article
      aria-label={`Call of ${name}`}
      className="overflow-hidden rounded-lg border border-line bg-panel"
    >
      <h3>
        <button
          type="button"
          aria-expanded={isOpen}
          aria-controls={id}
          onClick={() => setChosen(!isOpen)}
          className="flex min-h-8 w-full items-center gap-2 px-3 py-1 text-left hover:bg-hover max-sm:min-h-10"
        >
          <StatusMark status={status} />
          <span className="shrink-0 font-medium">{name}</span>
          <Worked on={line.startsWith(name) ? line.slice(name.length).trim() : line} />
          <StatusText status={status} durationMs={durationMs} />
          <ChevronIcon
            className={classes('size-3.5 text-muted transition-transform', isOpen && 'rotate-90')}
          />
        </button>
      </h3>
      {isOpen && (
        <div id={id} className="border-t border-line">
          {edits.length === 0 ? (
            <Input input={input} />
          ) : (
            <Edits edits={edits} cwd={cwd} hasPaths={shown !== undefined} />
          )}
          <Outcome call={call} isEdit={edits.length > 0} />
          {children !== undefined && (
            <div className="flex flex-col gap-2 border-t border-line bg-bg p-2 pl-4">{children}</div>
          )}
        </div>
      )}
    </article>
  )
}

/** What the call works on: a path, or what else tells most. */
function Worked({ on }: { on: string }) {
  const className = 'min-w-0 flex-1 truncate font-mono text-[12px] text-muted'
  return isPath(on) ? (
    <Path path={on} className={className} />
  ) : (
    <span className={className} title={on}>
      {on}
    </span>
  )
}

/** The line of the call names the one file of its input; the files that the agent shows are named here. */
function Edits({ edits, cwd, hasPaths }: { edits: readonly Edit[]; cwd: string | null; hasPaths: boolean }) {
  const nameOf = (path: string) =>
    cwd !== null && path.startsWith(`${cwd}/`) ? path.slice(cwd.length + 1) : path
  return edits.map(({ path, lines }, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: edits never move
    <div key={index} className={classes(index > 0 && 'border-t border-line')}>
      {hasPaths && (
        <Path
          path={nameOf(path)}
          title={path}
          className="bg-raised px-3 py-1 font-mono text-[12px] text-soft"
        />
      )}
      <Diff lines={lines} most={60} />
    </div>
  ))
}

function Input({ input }: { input: unknown }) {
  if (input === undefined || input === null) return null
  const text = textOfInput(input)
  if (text === '') return null
  return (
    <div className="bg-raised">
      <TextBlock text={text} most={12} />
    </div>
  )
}

function Outcome({ call: { status, output, result }, isEdit }: { call: CallItem; isEdit: boolean }) {
  // The diff says it all.
  if (isEdit && status === 'ok') return null
  const isRunning = status === 'running' || status === 'asked'
  const text = textOfResult(result)
  if (isRunning || text === '' || text === output.text) {
    if (output.text === '') return isRunning ? null : <Nothing status={status} text={text} />
    return <TextBlock text={output.text} keeps={isRunning ? 'end' : 'begin'} isError={status === 'error'} />
  }
  return <TextBlock text={text} isError={status === 'error' || status === 'denied'} />
}

function Nothing({ status, text }: { status: CallStatus; text: string }) {
  if (text !== '') return <TextBlock text={text} isError={status !== 'ok'} />
  if (status === 'ok') return null
  return <p className="px-3 py-1.5 text-muted">{statusWords[status]}</p>
}

/** `3 ms`, `1.2 s`. */
function tookText(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : durationText(ms)
}

const statusWords: Record<CallStatus, string> = {
  running: 'running',
  asked: 'waits for an answer',
  ok: 'done',
  error: 'failed',
  denied: 'denied',
  cancelled: 'cancelled',
}
const statusTones: Partial<Record<CallStatus, Tone>> = { asked: 'wait', error: 'bad', denied: 'bad' }

function StatusText({ status, durationMs }: { status: CallStatus; durationMs: number | null }) {
  const tone = statusTones[status]
  return (
    <>
      {durationMs !== null && (
        <span className="text-[12px] whitespace-nowrap text-muted tabular-nums">{tookText(durationMs)}</span>
      )}
      {tone === undefined ? (
        <span className={status === 'cancelled' ? 'text-[12px] text-muted' : 'sr-only'}>
          {statusWords[status]}
        </span>
      ) : (
        <Badge tone={tone}>{statusWords[status]}</Badge>
      )}
    </>
  )
}

function StatusMark({ status }: { status: CallStatus }) {
  const mark = () => {
    switch (status) {
      case 'running':
        return <Dot tone="live" pulses />
      case 'asked':
        return <Dot tone="wait" pulses />
      case 'ok':
        return <CheckIcon className="size-3.5 text-good" />
      case 'error':
      case 'denied':
        return <CrossIcon className="size-3.5 text-bad" />
      case 'cancelled':
        return <StopIcon className="size-3.5 text-muted" />
      default:
        return status satisfies never
    }
  }
  return <span className="flex w-4 shrink-0 justify-center">{mark()}</span>
}
