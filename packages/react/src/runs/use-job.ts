import type { ExecutionResponse, StartJobBody } from '@millrace/protocol'
import { itemsOf, type Line } from '@millrace/protocol/view'
import { useCallback, useMemo } from 'react'
import { type StartedRun, useStartedRun } from './use-started-run.ts'

export interface UsedJob extends StartedRun<'job'> {
  lines: readonly Line[]
  /** What became of it, once its process has ended. */
  response: ExecutionResponse | null
  /** Resolves with the id of the run; with null when it was refused. */
  startJob(body: Omit<StartJobBody, 'kind'>): Promise<string | null>
  abortJob(): Promise<void>
}

/** Starts jobs and follows the last one; or follows the one given. */
export function useJob(runId?: string | null): UsedJob {
  const { shown, start, abort } = useStartedRun('job', runId ?? null)
  const kept = shown.view?.lines
  const lines = useMemo(() => (kept === undefined ? [] : [...itemsOf(kept)]), [kept])
  const startJob = useCallback((body: Omit<StartJobBody, 'kind'>) => start({ kind: 'job', ...body }), [start])
  return { ...shown, lines, response: shown.view?.response ?? null, startJob, abortJob: abort }
}
