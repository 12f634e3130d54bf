/** Home: what needs the user, what is at work, and what is done. */
import { useClient } from '@millrace/react'
import { type ReactNode, useMemo } from 'react'
import { useDocumentState } from '#app/document-state.ts'
import { useSignedIn } from '#app/session.ts'
import { QuestionCard } from '#approvals/question-card.tsx'
import { useLive } from '#live/live-store.ts'
import { RunRow } from '#runs/run-row.tsx'
import { openStart } from '#start/start-store.ts'
import { Button, IconButton } from '#ui/button.tsx'
import { CloseIcon, PlusIcon } from '#ui/icons.tsx'
import { Empty, Loading, Problem } from '#ui/notice.tsx'
import { useNow } from '#ui/now.ts'
import { dismiss, useDismissed } from './dismissed.ts'
import { readOverview, useOverview } from './overview.ts'
import { type Inbox, sortInbox } from './sort.ts'

const minuteMs = 60_000

/** The inbox as it is now. */
export function useInbox(): Inbox {
  const { server } = useSignedIn()
  const { runs } = useOverview()
  const { questions } = useLive()
  const { ids: dismissed } = useDismissed()
  const minute = Math.floor(useNow() / minuteMs)
  return useMemo(
    () => sortInbox({ runs: runs.values(), questions, dismissed, user: server.user, now: minute * minuteMs }),
    [runs, questions, dismissed, server.user, minute],
  )
}

export function InboxPage() {
  const client = useClient()
  const { isLoading, error } = useOverview()
  const inbox = useInbox()
  const { questions } = useLive()
  useDocumentState('Inbox', inbox.working.some(({ state }) => state !== 'queued') ? 'live' : null)
  const isEmpty = [inbox.failed, inbox.working, inbox.done, questions].every(({ length }) => length === 0)
  const asking = new Set(questions.map(({ runId }) => runId))
  return (
    <>
      <h1 className="sr-only">Inbox</h1>
      {error !== null && (
        <div className="p-4">
          <Problem message={error.message} retry={() => void readOverview(client)} />
        </div>
      )}
      {isLoading && <Loading rows={6} />}
      {!isLoading && error === null && isEmpty && <Nothing />}
      <NeedsMe inbox={inbox} />
      <Part title="Working" count={inbox.working.length}>
        {inbox.working.map((run) => (
          <RunRow key={run.id} run={run} asks={asking.has(run.id)}>
            <NoButton />
          </RunRow>
        ))}
      </Part>
      <Part title="Done" count={null} isShown={inbox.done.length > 0}>
        {inbox.done.map((run) => (
          <RunRow key={run.id} run={run}>
            <NoButton />
          </RunRow>
        ))}
      </Part>
    </>
  )
}

function NeedsMe({ inbox: { failed } }: { inbox: Inbox }) {
  const { questions } = useLive()
  return (
    <Part
      title="Needs you"
      count={questions.length + failed.length}
      action={
        failed.length > 1 && (
          <Button small look="quiet" onClick={() => dismiss(...failed.map(({ id }) => id))}>
            Dismiss all failures
          </Button>
        )
      }
    >
      {questions.length > 0 && (
        <div className="flex flex-col gap-3 border-b border-line p-3 sm:p-4">
          {questions.map((question) => (
            <QuestionCard key={question.approvalId} question={question} isBrief />
          ))}
        </div>
      )}
      {failed.map((run) => (
        <RunRow key={run.id} run={run}>
          <IconButton label="Dismiss" className="mr-1 -ml-2" onClick={() => dismiss(run.id)}>
            <CloseIcon />
          </IconButton>
        </RunRow>
      ))}
    </Part>
  )
}

function Part({
  title,
  count,
  isShown = count !== 0,
  action,
  children,
}: {
  title: string
  count: number | null
  isShown?: boolean
  action?: ReactNode
  children: ReactNode
}) {
  if (!isShown) return null
  return (
    <section aria-label={title}>
      <header className="flex h-9 items-center gap-2 border-b border-line bg-raised px-4">
        <h2 className="text-[12px] font-semibold text-soft">{title}</h2>
        {count !== null && <span className="text-[12px] text-muted tabular-nums">{count}</span>}
        <span className="flex-1" />
        {action}
      </header>
      {children}
    </section>
  )
}

function Nothing() {
  return (
    <Empty title="Nothing here yet">
      <p>Start a tool, an agent session or an execution, and follow it from here, on any device.</p>
      <Button look="primary" className="mt-4" onClick={() => openStart()}>
        <PlusIcon /> New run
      </Button>
    </Empty>
  )
}

/** Keeps the columns of all parts in line. */
function NoButton() {
  return <span className="mr-1 -ml-2 hidden w-8 sm:block" />
}
