/** What a run is, how it stands, and what can be done with it. */
import type { ClientError } from '@millrace/client'
import { isFinal, type Run } from '@millrace/protocol'
import type { ConnectionStatus } from '@millrace/react'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useDocumentState } from '#app/document-state.ts'
import { useLive } from '#live/live-store.ts'
import { Badge } from '#ui/badge.tsx'
import { classes } from '#ui/classes.ts'
import { ExecutionIcon, ExternalIcon, JobIcon, SessionIcon } from '#ui/icons.tsx'
import { Problem } from '#ui/notice.tsx'
import { argumentsOf, costOf, costText, type Standing, standingOf, titleOf } from '#ui/run-words.ts'
import { Dot } from '#ui/state-dot.tsx'
import { Duration, RelativeTime } from '#ui/time.tsx'
import { RunActions } from './run-actions.tsx'

const kindIcons = { job: JobIcon, session: SessionIcon, execution: ExecutionIcon, external: ExternalIcon }

export interface RunHeaderProps {
  run: Run
  /** Someone is asked. */
  isAsking?: boolean
  /** Its turn is over, and it waits for a message. */
  isIdle?: boolean
  status: ConnectionStatus
  error: ClientError | null
  retry(): void
  /** Facts besides those that every run has. */
  facts?: ReactNode
}

export function RunHeader({ run, isAsking = false, isIdle = false, ...more }: RunHeaderProps) {
  const { status, error, retry, facts } = more
  const { label, tone, isLive } = standingNow(run, isAsking, isIdle)
  const title = titleOf(run)
  const Icon = kindIcons[run.kind]
  useDocumentState(`${title} · ${label}`, tone)
  return (
    <header className="border-b border-line bg-bg">
      <div className="flex items-start gap-x-3 gap-y-2 px-4 pt-3 pb-2 max-sm:flex-wrap">
        <span className="mt-1 text-muted">
          <Icon />
        </span>
        <div className="min-w-0 flex-1 max-sm:basis-4/5">
          <h1 className="truncate text-[15px] font-semibold" title={title}>
            {title}
          </h1>
          <p className="flex flex-wrap items-center gap-x-3 gap-y-1 pt-0.5 text-[12px] text-muted">
            <Badge tone={tone}>
              <span className="pr-1.5">
                <Dot tone={tone} pulses={isLive} />
              </span>
              {label}
            </Badge>
            <Facts run={run} />
            {facts}
          </p>
        </div>
        <RunActions run={run} />
      </div>
      {run.error !== null && isFinal(run.state) && (
        <p
          className={classes(
            'mx-4 mb-2 rounded-md px-3 py-1.5 break-words',
            tone === 'bad' ? 'bg-bad-soft text-bad' : 'bg-raised text-soft',
          )}
        >
          {run.error.message}
        </p>
      )}
      <Connection status={status} error={error} retry={retry} />
    </header>
  )
}

/** How it stands, as far as the log knows more than the record. */
function standingNow(run: Run, isAsking: boolean, isIdle: boolean): Standing {
  if (isFinal(run.state)) return standingOf(run)
  if (isAsking) return { label: 'asks you', tone: 'wait', isLive: true }
  return isIdle ? { label: 'waits for a message', tone: 'wait', isLive: false } : standingOf(run)
}

function Facts({ run }: { run: Run }) {
  const cost = costOf(run)
  const given = argumentsOf(run)
  return (
    <>
      {run.project !== null && <span>{run.project}</span>}
      {given !== '' && <code className="max-w-80 truncate font-mono">{given}</code>}
      <span>
        by {run.owner}, <RelativeTime at={run.createdAt} />
      </span>
      {run.startedAt !== null && <Duration from={run.startedAt} to={run.finishedAt} />}
      {cost !== null && <span>{costText(cost)}</span>}
      {run.attempt > 1 && <span>attempt {run.attempt}</span>}
      {run.retryOf !== null && <RunLink runId={run.retryOf}>retry of</RunLink>}
      {run.forkOf !== null && <RunLink runId={run.forkOf}>fork of</RunLink>}
      {run.spec.worktree !== undefined && (
        <Link to="/worktrees" className="underline underline-offset-2 hover:text-text">
          in a worktree
        </Link>
      )}
      {run.resumes !== null && <RunLink runId={run.resumes}>continues</RunLink>}
    </>
  )
}

function RunLink({ runId, children }: { runId: string; children: ReactNode }) {
  return (
    <Link to="/runs/$runId" params={{ runId }} className="underline underline-offset-2 hover:text-text">
      {children} {runId.slice(0, 8)}
    </Link>
  )
}

function Connection({ status, error, retry }: Pick<RunHeaderProps, 'status' | 'error' | 'retry'>) {
  const isKnown = useLive((live) => live.status) === 'reconnecting'
  if (status === 'reconnecting') {
    // The banner of the page says so.
    if (isKnown) return null
    return (
      <p role="status" className="bg-wait-soft px-4 py-1 text-[12px] text-wait">
        The connection was lost. Reconnecting…
      </p>
    )
  }
  if (status !== 'failed') return null
  return <Problem message={error?.message ?? 'The run can no longer be followed'} retry={retry} />
}
