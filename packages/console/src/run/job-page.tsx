/** The page of a job: how it stands, and its log; of one with a terminal, also its screen. */
import { isFinal, type Run } from '@millrace/protocol'
import { useClient } from '@millrace/react'
import { lazy, Suspense, useEffect, useState } from 'react'
import { Loading } from '#ui/notice.tsx'
import type { EventLog } from './log/event-log.ts'
import { LogPage } from './log/log-page.tsx'
import { useEventLog, useLogState } from './log/use-event-log.ts'
import { RunHeader } from './run-header.tsx'
import { type Tab, Tabs } from './tabs.tsx'

const TerminalView = lazy(() => import('./terminal/terminal-view.tsx'))

export function JobPage({ first }: { first: Run }) {
  const log = useEventLog(first.id, first.head)
  if (log === null) return <Loading />
  return <OpenJobPage first={first} log={log} />
}

type View = 'log' | 'terminal'

const tabs: readonly Tab<View>[] = [
  { id: 'log', label: 'Log' },
  { id: 'terminal', label: 'Terminal' },
]

function OpenJobPage({ first, log }: { first: Run; log: EventLog }) {
  const run = useJobRecord(first, log)
  const { status, error, firstSeq } = useLogState(log)
  const isTerminal = useTerminalOf(log, firstSeq)
  const [chosen, setChosen] = useState<View | null>(null)
  const shown: View = isTerminal ? (chosen ?? (location.hash === '' ? 'terminal' : 'log')) : 'log'
  return (
    <div className="whole-page flex flex-col">
      <RunHeader run={run} status={status} error={error} retry={() => log.retry()} />
      {isTerminal && <Tabs<View> tabs={tabs} chosen={shown} onChoose={setChosen} />}
      {shown === 'log' ? (
        <LogPage run={run} log={log} />
      ) : (
        <Suspense fallback={<Loading />}>
          <TerminalView log={log} />
        </Suspense>
      )}
    </div>
  )
}

/** Whether the program has a terminal: its first line says so. */
function useTerminalOf(log: EventLog, firstSeq: number): boolean {
  const { version } = useLogState(log)
  const [isTerminal, setTerminal] = useState(false)
  // biome-ignore lint/correctness/useExhaustiveDependencies: looked at again when something has arrived
  useEffect(() => {
    if (isTerminal || firstSeq === 0) return
    const { head } = log.getState()
    for (const near of [firstSeq, Math.max(head - linesLookedAt, firstSeq)]) {
      for (let seq = near; seq <= near + linesLookedAt; seq++) {
        const { terminal } = (log.event(seq)?.data ?? {}) as { terminal?: unknown }
        if (terminal !== undefined) return setTerminal(true)
      }
    }
  }, [log, firstSeq, version, isTerminal])
  return isTerminal
}

const linesLookedAt = 5

const againMs = 500

/** The record, read again when the log says that it has changed. */
function useJobRecord(first: Run, log: EventLog): Run {
  const client = useClient()
  const { isClosed, head } = useLogState(log)
  const [run, setRun] = useState(first)
  const isStarting = run.state === 'queued' || run.state === 'starting'
  const isBehind = (isClosed && !isFinal(run.state)) || (head > 1 && isStarting)
  useEffect(() => {
    if (!isBehind) return
    const leave = new AbortController()
    const read = () => client.get(first.id, { signal: leave.signal }).then(setRun, () => {})
    // A record that still says the same was read too early.
    const timer = setTimeout(() => void read(), run === first ? 0 : againMs)
    return () => {
      clearTimeout(timer)
      leave.abort()
    }
  }, [client, first, run, isBehind])
  return run
}
