/** The page of a session, an execution, or an external run. */
import type { Run } from '@millrace/protocol'
import { useRun } from '@millrace/react'
import { Loading } from '#ui/notice.tsx'
import { LogPage } from './log/log-page.tsx'
import { useEventLog } from './log/use-event-log.ts'
import { RunHeader } from './run-header.tsx'

export function AgentPage({ first }: { first: Run }) {
  const { run, status, error, retry } = useRun(first.id, { kind: first.kind })
  const log = useEventLog(first.id, first.head)
  if (log === null) return <Loading />
  return (
    <div className="flex h-[calc(100dvh-var(--page-below,0px))] flex-col max-sm:[--page-below:3.5rem]">
      <RunHeader run={run ?? first} status={status} error={error} retry={retry} />
      <LogPage run={first} log={log} />
    </div>
  )
}
