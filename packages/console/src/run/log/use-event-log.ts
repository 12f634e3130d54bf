/** The log of a run for as long as a component is mounted. */
import { useClient } from '@millrace/react'
import { useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { EventLog, type EventLogState } from './event-log.ts'

/** `head` is the newest event that is known of. Null before the first effect. */
export function useEventLog(runId: string, head: number): EventLog | null {
  const client = useClient()
  const [log, setLog] = useState<EventLog | null>(null)
  const known = useRef(head)
  useEffect(() => {
    const opened = new EventLog(client, runId)
    setLog(opened)
    void opened.open(known.current)
    return () => opened.close()
  }, [client, runId])
  return log
}

export function useLogState(log: EventLog): EventLogState {
  return useSyncExternalStore(log.subscribe, log.getState)
}
