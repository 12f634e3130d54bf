import type { RunKind } from '@millrace/protocol'
import type { View } from '@millrace/protocol/view'
import { useEffect, useMemo, useState } from 'react'
import type { EventLog } from '#run/log/event-log.ts'
import { useLogState } from '#run/log/use-event-log.ts'
import { History, type Moment } from './history.ts'

/** Events that are read ahead. */
const aheadEvents = 2000

export interface UsedHistory {
  /** The run as it was at the event, or as near as what has been read allows; null for the run as it is. */
  view: View | null
  moments: readonly Moment[]
  /** The event up to which moments are known. */
  reducedTo: number
}

/** The run at an event of its log, and the moments of all of it; `seq` is null for the run as it is. */
export function useHistory(log: EventLog, kind: RunKind, seq: number | null): UsedHistory {
  const { firstSeq, head, version } = useLogState(log)
  const history = useMemo(
    () => (firstSeq === 0 ? null : new History(log, kind, firstSeq)),
    [log, kind, firstSeq],
  )
  const [step, setStep] = useState(0)
  // What one step reduces is bounded: the next one follows in another task.
  // biome-ignore lint/correctness/useExhaustiveDependencies: what has arrived, or was reduced, makes it another view
  const view = useMemo(() => {
    if (history === null) return null
    const ahead = history.at(head)
    return seq === null ? null : seq >= ahead.head ? ahead : history.at(seq)
  }, [history, seq, head, version, step])
  const reducedTo = history?.reducedTo ?? 0
  useEffect(() => {
    if (history === null) return
    const next = history.reducedTo + 1
    if (next > head) return
    if (log.event(next) === undefined) {
      log.want(next, Math.min(next + aheadEvents, head))
      return
    }
    const timer = setTimeout(() => setStep((before) => before + 1))
    return () => clearTimeout(timer)
  })
  return { view, moments: history?.moments ?? [], reducedTo }
}
