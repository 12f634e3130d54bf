/** A job as a person sees it: its newest lines, and what became of it. */
import type { ExecutionResponse, StreamOutputEvent } from '#jobs'
import type { ViewBounds } from './bounds.ts'
import { append, emptyList, itemAt, type List, lengthOf, replaceAt } from './list.ts'
import { advance, newRun, type RunPart, recordOf, type ViewEvent } from './run.ts'

export interface Line {
  /** `seq` of its event: a name for the line that never changes. */
  readonly seq: number
  readonly text: string
  readonly stream: 'stdout' | 'stderr'
  /** It was too long for the log and was cut. */
  readonly isCut: boolean
}

export interface JobView extends RunPart<'job'> {
  readonly lines: List<Line>
  /** The newest line of a terminal, if it is not finished: everything that was written in it. Otherwise null. */
  readonly unfinished: string | null
  /** Null until its process has ended. */
  readonly response: ExecutionResponse | null
}

export function newJobView(bounds: ViewBounds): JobView {
  return { ...newRun('job', bounds), lines: emptyList, unfinished: null, response: null }
}

export function reduceJob(before: JobView, event: ViewEvent): JobView {
  const view = advance(before, event)
  if (event.type === 'complete') return { ...view, response: event.data as ExecutionResponse }
  if (event.type !== 'output') return view
  const { line, stream, truncated, terminal } = recordOf(event.data) as Partial<StreamOutputEvent>
  if (typeof line !== 'string') return view
  const added: Line = {
    seq: event.seq,
    text: terminal === undefined ? line : shownText(view.unfinished ?? '', line),
    stream: stream ?? 'stdout',
    isCut: truncated !== undefined,
  }
  if (terminal === undefined) return { ...view, lines: append(view.lines, added, view.bounds.linesMax) }
  const written = ((view.unfinished ?? '') + line).slice(-unfinishedCharsMax)
  const unfinished = line.endsWith('\n') ? null : written
  const last = lengthOf(view.lines) - 1
  const begun = view.unfinished === null ? undefined : itemAt(view.lines, last)
  if (begun === undefined)
    return { ...view, unfinished, lines: append(view.lines, added, view.bounds.linesMax) }
  return { ...view, unfinished, lines: replaceAt(view.lines, last, { ...added, seq: begun.seq }) }
}

/** A line that rewrites itself for ever must not hold memory. */
const unfinishedCharsMax = 65_536

/** What a line of a terminal shows: a carriage return begins it anew. */
function shownText(before: string, added: string): string {
  const text = (before + added).replace(/\r*\n$/, '')
  const states = text.split('\r')
  return states.findLast((state) => state !== '') ?? ''
}
