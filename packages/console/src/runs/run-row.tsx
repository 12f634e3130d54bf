import type { Run } from '@millrace/protocol'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useSession } from '#app/session.ts'
import { Badge } from '#ui/badge.tsx'
import { classes } from '#ui/classes.ts'
import { KindIcon } from '#ui/kind-icon.tsx'
import { argumentsOf, costOf, costText, standingOf, titleOf } from '#ui/run-words.ts'
import { StateDot } from '#ui/state-dot.tsx'
import { Duration, RelativeTime } from '#ui/time.tsx'

export interface RunRowProps {
  run: Run
  /** It waits for an answer. */
  asks?: boolean
  tabIndex?: number
  onFocus?: () => void
  /** Buttons at the end of the row. */
  children?: ReactNode
}

/** One run in a list: one line; on a phone, two. */
export function RunRow({ run, asks = false, tabIndex, onFocus, children }: RunRowProps) {
  const { label, tone } = standingOf(run)
  const args = argumentsOf(run)
  return (
    <div className="group flex items-center border-b border-line hover:bg-hover focus-within:bg-hover">
      <Link
        to="/runs/$runId"
        params={{ runId: run.id }}
        {...(tabIndex === undefined ? {} : { tabIndex })}
        {...(onFocus === undefined ? {} : { onFocus })}
        data-run={run.id}
        className="flex h-[56px] min-w-0 flex-1 items-center gap-2.5 px-4 outline-offset-[-2px] sm:h-[40px]"
      >
        <StateDot run={run} asks={asks} />
        <KindIcon kind={run.kind} />
        <span className="flex min-w-0 flex-1 flex-col sm:flex-row sm:items-baseline sm:gap-2">
          <span className={classes('truncate font-medium', args !== '' && 'sm:max-w-1/2 sm:shrink-0')}>
            {titleOf(run)}
          </span>
          {args !== '' && (
            <span className="hidden truncate font-mono text-[12px] text-muted sm:inline">{args}</span>
          )}
          <Whose run={run} />
        </span>
        <Badge tone={asks ? 'wait' : tone}>{asks ? 'asks you' : label}</Badge>
        <Facts run={run} />
      </Link>
      {children}
    </div>
  )
}

function Whose({ run }: { run: Run }) {
  const user = useSession((session) => (session.status === 'in' ? session.server.user : ''))
  const parts = [run.project, run.owner === user ? null : run.owner].filter((part) => part !== null)
  return (
    <span className="truncate text-[12px] text-muted sm:max-w-40 sm:shrink-0">
      {parts.join(' · ')}
      <span className="sm:hidden">
        {parts.length > 0 && ' · '}
        <RelativeTime at={run.createdAt} />
      </span>
    </span>
  )
}

function Facts({ run }: { run: Run }) {
  const cost = costOf(run)
  const cell = 'hidden text-right text-[12px] text-muted tabular-nums'
  return (
    <>
      <span className={classes(cell, 'w-14 lg:inline')}>{cost !== null && costText(cost)}</span>
      <span className={classes(cell, 'w-20 sm:inline')}>
        {run.startedAt !== null && <Duration from={run.startedAt} to={run.finishedAt} />}
      </span>
      <span className={classes(cell, 'w-20 sm:inline')}>
        <RelativeTime at={run.createdAt} />
      </span>
    </>
  )
}
