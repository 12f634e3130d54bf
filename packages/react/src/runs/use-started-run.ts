import type { Client, ClientError } from '@millrace/client'
import type { Run, RunKind, StartRunBody } from '@millrace/protocol'
import { isFinal } from '@millrace/protocol'
import type { ViewOf } from '@millrace/protocol/view'
import { useCallback, useRef, useState } from 'react'
import { useClient } from '#provider'
import type { ConnectionStatus } from '#sources/run-source'
import { useCalls } from './use-calls.ts'
import { useRun } from './use-run.ts'

export interface StartedRun<Kind extends RunKind> {
  /** The run that is followed: the one started last, else the one given. */
  runId: string | null
  run: Run | null
  view: ViewOf<Kind> | null
  /** It was started and has not ended. */
  isRunning: boolean
  status: ConnectionStatus
  /** Why the last call failed; else why the connection was lost. */
  error: ClientError | null
  retry(): void
}

interface Started {
  client: Client
  given: string | null
  id: string
  /** Of all that the component has begun to start. */
  order: number
}

/** A run that the component starts, or is given; the functions resolve with null when the server refuses. */
export function useStartedRun<Kind extends RunKind>(kind: Kind, given: string | null) {
  const client = useClient()
  const calls = useCalls(given)
  // What was started in place of the run that was given then. Another run or another client given is the newer wish.
  const [started, setStarted] = useState<Started | null>(null)
  const isOwn = started !== null && started.client === client && started.given === given
  const runId = isOwn ? started.id : given
  const followed = useRun<Kind>(runId, { kind })
  const { perform } = calls
  const begun = useRef(0)
  const begin = useCallback(
    (call: () => Promise<Run>) => {
      begun.current += 1
      const order = begun.current
      return perform(async () => {
        const { id } = await call()
        // A later start may have been answered before this one.
        setStarted((before) => (order > (before?.order ?? 0) ? { client, given, id, order } : before))
        return id
      })
    },
    [perform, client, given],
  )
  const start = useCallback((body: StartRunBody) => begin(() => client.start(body)), [begin, client])
  const abort = useCallback(async (): Promise<void> => {
    if (runId !== null) await perform(() => client.abort(runId))
  }, [perform, client, runId])
  const isOver = followed.view !== null && isFinal(followed.view.state)
  const shown: StartedRun<Kind> = {
    runId,
    run: followed.run,
    view: followed.view,
    isRunning: calls.isPending || (runId !== null && !isOver && followed.status !== 'failed'),
    status: followed.status,
    error: calls.error ?? followed.error,
    retry: followed.retry,
  }
  return { shown, client, perform, begin, start, abort }
}
