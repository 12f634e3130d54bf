/**
 * What a person sees of a run, from nothing but its events. A view is plain, immutable data: what an event does not
 * change is the same object as before, so that a page renders only what is new.
 */
import type { ResetData } from '#events'
import type { RunKind } from '#runs'
import { defaultBounds, type ViewBounds } from './bounds.ts'
import { type ExecutionView, newExecutionView, reduceExecution } from './execution.ts'
import { type JobView, newJobView, reduceJob } from './job.ts'
import type { ViewEvent } from './run.ts'
import { newSessionView, reduceSession, type SessionView } from './session.ts'

export type View = JobView | SessionView | ExecutionView

/** The view of a kind of run. */
export type ViewOf<Kind extends RunKind> = Kind extends 'job'
  ? JobView
  : Kind extends 'session'
    ? SessionView
    : ExecutionView

/** The view of a run none of whose events has been seen. */
export function newView<Kind extends RunKind>(kind: Kind, bounds: Partial<ViewBounds> = {}): ViewOf<Kind> {
  return viewOf(kind, { ...defaultBounds, ...bounds }) as ViewOf<Kind>
}

function viewOf(kind: RunKind, bounds: ViewBounds): View {
  switch (kind) {
    case 'job':
      return newJobView(bounds)
    case 'session':
      return newSessionView(bounds)
    case 'execution':
    case 'external':
      return newExecutionView(kind, bounds)
    default:
      return kind satisfies never
  }
}

/** Takes one event into the view. An event that the view has seen changes nothing: the same object is returned. */
export function applyEvent<V extends View>(view: V, event: ViewEvent): V {
  if (event.seq <= view.head) return view
  return reduce(view, event) as V
}

/** Takes several events in their order. */
export function applyEvents<V extends View>(view: V, events: Iterable<ViewEvent>): V {
  let after = view
  for (const event of events) after = applyEvent(after, event)
  return after
}

function reduce(view: View, event: ViewEvent): View {
  switch (view.kind) {
    case 'job':
      return reduceJob(view, event)
    case 'session':
      return reduceSession(view, event)
    case 'execution':
    case 'external':
      return reduceExecution(view, event)
    default:
      return view satisfies never
  }
}

/** The empty view to build anew after a `reset`: the log follows from its first kept event. */
export function resetView<V extends View>(view: V, { firstSeq }: Pick<ResetData, 'firstSeq'>): V {
  return { ...viewOf(view.kind, view.bounds), head: firstSeq - 1 } as V
}
