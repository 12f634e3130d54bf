/**
 * The runs that every page knows of: all that are open, the newest ones, and the newest failures.
 *
 * Bounded: of the runs that are over only the newest are kept.
 */
import { type Client, ClientError } from '@millrace/client'
import { isFinal, type Run } from '@millrace/protocol'
import { create } from 'zustand'
import type { RunChange } from '#live/changes.ts'
import { recordChanges } from '#live/live-store.ts'
import { noRuns, type RunSet, withChange, withRuns } from '#runs/run-set.ts'

export interface Overview {
  runs: RunSet
  /** Nothing has arrived yet. */
  isLoading: boolean
  error: ClientError | null
}

const closedMax = 400

export const useOverview = create<Overview>(() => ({ runs: noRuns, isLoading: true, error: null }))

export async function readOverview(client: Pick<Client, 'list'>): Promise<void> {
  const recording = recordChanges()
  try {
    const pages = await Promise.all([
      client.list({ limit: 100 }),
      client.list({ state: 'running', limit: 200 }),
      client.list({ state: 'starting', limit: 200 }),
      client.list({ state: 'queued', limit: 200 }),
      client.list({ outcome: 'failure', limit: 50 }),
    ])
    const read = pages.flatMap(({ runs }) => runs)
    const ids = new Set(read.map(({ id }) => id))
    useOverview.setState(({ runs }) => {
      // What was open and is not listed is over, or gone: it is forgotten.
      const kept = [...runs.values()].filter((run) => ids.has(run.id))
      const known = recording.changes.reduce(withChange, withRuns(withRuns(noRuns, kept), read))
      return { runs: bounded(known), isLoading: false, error: null }
    })
  } catch (error) {
    if (!(error instanceof ClientError)) throw error
    useOverview.setState({ isLoading: false, error })
  } finally {
    recording.stop()
  }
}

let waiting: RunChange[] = []

/** Takes a change. Many changes that arrive together are shown together. */
export function applyToOverview(change: RunChange): void {
  waiting.push(change)
  if (waiting.length > 1) return
  setTimeout(() => {
    const changes = waiting
    waiting = []
    useOverview.setState(({ runs }) => ({ runs: bounded(changes.reduce(withChange, runs)) }))
  }, 50)
}

function bounded(runs: RunSet): RunSet {
  const closed = [...runs.values()].filter(({ state }) => isFinal(state))
  if (closed.length <= closedMax) return runs
  const result = new Map(runs)
  const oldestFirst = closed.sort((a, b) => endOf(a) - endOf(b))
  for (const { id } of oldestFirst.slice(0, closed.length - closedMax)) result.delete(id)
  return result
}

export function endOf(run: Run): number {
  return run.finishedAt ?? run.createdAt
}
