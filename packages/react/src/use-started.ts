/** Hooks that start a run and show it. */
import type { ResumeRunBody, Run, StartRunBody } from '@millrace/protocol'
import type { ViewOf } from '@millrace/protocol/view'
import { useCallback, useEffect, useRef, useState } from 'react'
import { useMillrace } from './provider.ts'
import { named, type ShownApprovals, type ShownRun, useApprovals, useRun } from './use-run.ts'

type Body<Kind extends StartRunBody['kind']> = Omit<Extract<StartRunBody, { kind: Kind }>, 'kind'>

export interface Starting {
  /** Of the run that is shown. */
  runId: string | null
  /** From the call that starts it until its end is known. */
  isRunning: boolean
}

export interface ShownJob extends Omit<ShownRun<ViewOf<'job'>>, 'error'>, Starting {
  error: Error | null
  start(body: Body<'job'>): Promise<Run>
}

/** A job: the one with this id, or the one that `start` started last. */
export function useJob(jobId?: string | null): ShownJob {
  const { client } = useMillrace()
  const { runId, begin, ...started } = useStarting(jobId)
  const shown = useRun<'job'>(runId)
  const start = useCallback(
    (body: Body<'job'>) => begin(() => client.start({ ...body, kind: 'job' })),
    [begin, client],
  )
  return { ...shown, runId, start, ...outcomeOf(shown, started) }
}

export interface ShownSession extends Omit<ShownRun<ViewOf<'session'>>, 'error'>, Starting, ShownApprovals {
  error: Error | null
  start(body: Body<'session'>): Promise<Run>
  /** Continues the conversation in a new run, which is shown then. */
  resume(body?: ResumeRunBody): Promise<Run>
}

/** An agent session: the one with this id, or the one that was started or resumed last. */
export function useSession(sessionId?: string | null): ShownSession {
  const { client } = useMillrace()
  const { runId, begin, ...started } = useStarting(sessionId)
  const shown = useRun<'session'>(runId)
  const approvals = useApprovals(runId)
  const start = useCallback(
    (body: Body<'session'>) => begin(() => client.start({ ...body, kind: 'session' })),
    [begin, client],
  )
  const resume = useCallback(
    (body?: ResumeRunBody) => begin(async () => client.resume(named(runId), body)),
    [begin, client, runId],
  )
  return { ...shown, ...approvals, runId, start, resume, ...outcomeOf(shown, started) }
}

interface Begun {
  isStarting: boolean
  startError: Error | null
}

/** Which run is shown: another id from outside takes the place of one that was started here. */
function useStarting(givenId: string | null | undefined) {
  const [started, setStarted] = useState<{ id: string; over: string | null | undefined } | null>(null)
  const [{ isStarting, startError }, setBegun] = useState<Begun>({ isStarting: false, startError: null })
  const mounted = useMounted()
  const begin = useCallback(
    async (request: () => Promise<Run>): Promise<Run> => {
      setBegun({ isStarting: true, startError: null })
      try {
        const run = await request()
        if (mounted.current) {
          setStarted({ id: run.id, over: givenId })
          setBegun({ isStarting: false, startError: null })
        }
        return run
      } catch (error) {
        if (mounted.current) setBegun({ isStarting: false, startError: error as Error })
        throw error
      }
    },
    [givenId, mounted],
  )
  const runId = started !== null && started.over === givenId ? started.id : (givenId ?? null)
  return { runId, begin, isStarting, startError }
}

function outcomeOf({ view, status, error }: ShownRun, { isStarting, startError }: Begun) {
  const isOver = status === 'idle' || status === 'closed' || status === 'failed' || isFinalView(view)
  return { isRunning: isStarting || !isOver, error: startError ?? error }
}

function isFinalView(view: ShownRun['view']): boolean {
  return view !== null && view.state !== 'queued' && view.state !== 'starting' && view.state !== 'running'
}

/** Whether the component is still there when an answer arrives. */
export function useMounted() {
  const mounted = useRef(false)
  useEffect(() => {
    mounted.current = true
    return () => {
      mounted.current = false
    }
  }, [])
  return mounted
}
