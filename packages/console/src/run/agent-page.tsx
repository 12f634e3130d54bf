/** The page of a session, an execution, or an external run: its conversation, what it changed, and its events. */
import { isFinal, type Run } from '@millrace/protocol'
import { dollars, type View } from '@millrace/protocol/view'
import { useClient, useRun } from '@millrace/react'
import { memo, useCallback, useDeferredValue, useEffect, useState } from 'react'
import { Button } from '#ui/button.tsx'
import { Loading } from '#ui/notice.tsx'
import { ChangesView } from './changes/changes-view.tsx'
import { useChanges } from './changes/use-changes.ts'
import { ForkDialog } from './fork-dialog.tsx'
import type { EventLog } from './log/event-log.ts'
import { LogPage } from './log/log-page.tsx'
import { useEventLog, useLogState } from './log/use-event-log.ts'
import { PlanSide } from './plan/plan.tsx'
import { RunHeader } from './run-header.tsx'
import { type Tab, Tabs } from './tabs.tsx'
import { Approvals } from './talk/approvals.tsx'
import { Composer } from './talk/composer.tsx'
import { type AgentView, Conversation } from './talk/conversation.tsx'
import { Timeline } from './timeline/timeline.tsx'
import { useHistory } from './timeline/use-history.ts'
import { useAddressedEvent } from './use-addressed-event.ts'

type Shown = 'talk' | 'changes' | 'events'

export function AgentPage({ first }: { first: Run }) {
  const { run: known, view, status, error, retry } = useRun(first.id, { kind: first.kind })
  const run = asItStands(known ?? first, view)
  const [shown, setShown] = useState<Shown>('talk')
  const [hasTimeline, setTimeline] = useState(false)
  const isCaughtUp = useCaughtUp(view, first.head)
  const talk = view === null || view.kind === 'job' || !isCaughtUp ? null : view
  const changes = useChanges(run.id, talk === null ? 0 : changesVersion(talk))
  const hasChanges = run.kind !== 'external'
  const tabs: Tab<Shown>[] = [
    { id: 'talk', label: run.kind === 'external' ? 'Progress' : 'Conversation' },
    ...(hasChanges
      ? [{ id: 'changes' as const, label: <ChangesLabel count={changes.changes?.files.length} /> }]
      : []),
    { id: 'events', label: 'Events' },
  ]
  return (
    <div className="whole-page flex flex-col">
      <RunHeader
        run={run}
        isAsking={talk !== null && talk.approvals.length > 0}
        isIdle={talk !== null && idleUntilOf(talk) !== null}
        status={status}
        error={error}
        retry={retry}
        facts={talk !== null && <AgentFacts view={talk} run={run} />}
      />
      <Tabs<Shown> tabs={tabs} chosen={shown} onChoose={setShown}>
        {shown === 'talk' && (
          <Button
            small
            look="quiet"
            aria-pressed={hasTimeline}
            className="ml-auto"
            onClick={() => setTimeline(!hasTimeline)}
          >
            Timeline
          </Button>
        )}
      </Tabs>
      {shown === 'changes' && <ChangesView {...changes} isOver={isFinal(run.state)} />}
      {shown === 'events' && <Events run={run} />}
      {shown === 'talk' &&
        (talk === null ? <Loading /> : <Talk run={run} view={talk} hasTimeline={hasTimeline} />)}
      {talk !== null && <Approvals runId={run.id} approvals={talk.approvals} />}
      {shown === 'talk' && run.kind !== 'external' && <Composer run={run} />}
    </div>
  )
}

/** How long a page waits for the whole of a log that arrives. */
const catchUpMs = 2000

/**
 * Whether the view has what there was when the page was opened: a conversation of thousands of items is laid out once, and not
 * with every piece of it that arrives.
 */
function useCaughtUp(view: View | null, head: number): boolean {
  const [isLate, setLate] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), catchUpMs)
    return () => clearTimeout(timer)
  }, [])
  return isLate || (view !== null && view.head >= head)
}

/** The record is read when the run begins to be followed, and when it ends: between them, the log says how it stands. */
function asItStands(run: Run, view: View | null): Run {
  if (view === null || isFinal(run.state) || isFinal(view.state)) return run
  return view.state === 'running' ? { ...run, state: view.state } : run
}

function ChangesLabel({ count }: { count: number | undefined }) {
  return (
    <>
      <span>
        Files<span className="max-sm:sr-only"> changed</span>
      </span>
      {count !== undefined && count > 0 && (
        <span className="rounded-full bg-raised px-1.5 text-[11px] tabular-nums">{count}</span>
      )}
    </>
  )
}

/** Changes when a call ends, or the run does: then files may have changed. */
function changesVersion({ items, state }: AgentView): number {
  let over = 0
  for (const block of [...items.full, items.tail])
    for (const item of block) if (item.kind === 'call' && item.result !== undefined) over += 1
  return over * 2 + (state === 'running' || state === 'queued' ? 0 : 1)
}

function Talk({ run, view, hasTimeline }: { run: Run; view: AgentView; hasTimeline: boolean }) {
  return hasTimeline ? <TimedTalk run={run} view={view} /> : <TalkAt run={run} view={view} />
}

function TimedTalk({ run, view }: { run: Run; view: AgentView }) {
  const log = useEventLog(run.id, run.head)
  if (log === null) return <Loading />
  return <OpenTimedTalk run={run} view={view} log={log} />
}

function OpenTimedTalk({ run, view, log }: { run: Run; view: AgentView; log: EventLog }) {
  const [seq, setSeq] = useState<number | null>(null)
  const { firstSeq, head } = useLogState(log)
  const history = useHistory(log, run.kind, seq)
  const then = asAgentView(history.view)
  return (
    <>
      <TalkAt run={run} view={then ?? view} isPast={then !== null} />
      <Timeline
        log={log}
        firstSeq={Math.max(firstSeq, 1)}
        head={Math.max(head, 1)}
        moments={history.moments}
        seq={seq}
        onSeq={setSeq}
        startedAt={run.startedAt}
      />
    </>
  )
}

function asAgentView(view: View | null): AgentView | null {
  return view === null || view.kind === 'job' ? null : view
}

interface TalkAtProps {
  run: Run
  view: AgentView
  isPast?: boolean
}

/** The conversation follows what it shows in slices of time: a page that is typed in, or dragged, stays quick. */
function TalkAt({ view, ...rest }: TalkAtProps) {
  return <TalkNow view={useDeferredValue(view)} {...rest} />
}

const TalkNow = memo(function TalkNow({ run, view, isPast = false }: TalkAtProps) {
  const [target, setTarget] = useAddressedEvent()
  const client = useClient()
  // A message that was taken in the meantime is shown as delivered: nothing more is to be said.
  const withdraw = useCallback(
    (id: string) => void client.withdraw(run.id, id).catch(() => {}),
    [client, run.id],
  )
  const [forkAt, setForkAt] = useState<number | null>(null)
  const { prompt, task } = run.spec
  const asked = [prompt, task].find((one) => typeof one === 'string') as string | undefined
  const { phases } = view
  const goal = 'goal' in view ? view.goal : null
  return (
    <div className="flex min-h-0 flex-1 max-lg:flex-col">
      {phases.length > 0 && (
        <PlanSide goal={goal} phases={phases} onChoose={'goal' in view ? showPhase : undefined} />
      )}
      <Conversation
        view={view}
        task={asked ?? null}
        owner={run.owner}
        target={isPast ? null : target}
        onNewest={() => setTarget(null)}
        onWithdraw={isPast ? undefined : withdraw}
        onFork={run.kind === 'session' ? setForkAt : undefined}
      >
        <Idle until={isPast ? null : idleUntilOf(view)} />
      </Conversation>
      {forkAt !== null && <ForkDialog run={run} at={forkAt} onClose={() => setForkAt(null)} />}
    </div>
  )
})

function idleUntilOf(view: AgentView): number | null {
  return 'idleUntil' in view ? view.idleUntil : null
}

function Idle({ until }: { until: number | null }) {
  if (until === null) return null
  const time = new Date(until).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
  return (
    <p role="status" className="rounded-md bg-wait-soft px-3 py-1.5 text-[12px] text-wait">
      The turn is over. The session waits for a message until {time}, and completes without one.
    </p>
  )
}

function showPhase(phaseId: string): void {
  document.getElementById(`phase-${phaseId}`)?.scrollIntoView({ block: 'start' })
}

function Events({ run }: { run: Run }) {
  const log = useEventLog(run.id, run.head)
  if (log === null) return <Loading />
  return <LogPage run={run} log={log} isRaw />
}

/** Engines and producers name them in their own ways; what was read from a cache counts as input. */
function totalOf(tokens: Readonly<Record<string, number>>): number {
  const counts = Object.entries(tokens).filter(([, count]) => typeof count === 'number')
  const given = counts.find(([name]) => /^total/i.test(name))
  return given?.[1] ?? counts.reduce((sum, [, count]) => sum + count, 0)
}

/** What is known of the agent's work while it works: the record has the rest. */
function AgentFacts({ view, run }: { view: AgentView; run: Run }) {
  const model = 'model' in view ? view.model : run.spec.model
  const tokens = 'tokens' in view ? view.tokens : null
  const total = tokens === null ? 0 : totalOf(tokens)
  const isCostKnown = run.usage !== null && 'costUsd' in run.usage && run.usage.costUsd !== null
  return (
    <>
      {typeof model === 'string' && <span>{model}</span>}
      {'turns' in view && view.turns !== null && (
        <span>{view.turns === 1 ? '1 turn' : `${view.turns} turns`}</span>
      )}
      {total > 0 && <span>{total.toLocaleString('en')} tokens</span>}
      {!isCostKnown && view.costUsd !== null && <span>{dollars(view.costUsd)}</span>}
    </>
  )
}
