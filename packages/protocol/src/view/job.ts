/** A job as a person sees it: its newest lines, and what became of it. */
import type { ExecutionResponse, StreamOutputEvent } from '#jobs'
import type { ViewBounds } from './bounds.ts'
import { append, emptyList, type List } from './list.ts'
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
  /** Null until its process has ended. */
  readonly response: ExecutionResponse | null
}

export function newJobView(bounds: ViewBounds): JobView {
  return { ...newRun('job', bounds), lines: emptyList, response: null }
}

export function reduceJob(before: JobView, event: ViewEvent): JobView {
  const view = advance(before, event)
  if (event.type === 'complete') return { ...view, response: event.data as ExecutionResponse }
  if (event.type !== 'output') return view
  const { line, stream, truncated } = recordOf(event.data) as Partial<StreamOutputEvent>
  if (typeof line !== 'string') return view
  const added: Line = {
    seq: event.seq,
    text: line,
    stream: stream ?? 'stdout',
    isCut: truncated !== undefined,
  }
  return { ...view, lines: append(view.lines, added, view.bounds.linesMax) }
}
