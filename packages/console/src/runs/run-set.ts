/** Runs by id, of which the newest state counts, whatever the order in which it arrives. Immutable. */
import { isFinal, type Run } from '@millrace/protocol'
import type { RunChange } from '#live/changes.ts'

export type RunSet = ReadonlyMap<string, Run>

export const noRuns: RunSet = new Map()

/** Lists are read while changes arrive: an answer may be older than a change that came before it. */
function isNewer(run: Run, known: Run | undefined): boolean {
  if (known === undefined) return true
  if (isFinal(known.state)) return false
  return isFinal(run.state) || run.head >= known.head
}

export function withRuns(set: RunSet, runs: Iterable<Run>): RunSet {
  const result = new Map(set)
  for (const run of runs) if (isNewer(run, result.get(run.id))) result.set(run.id, run)
  return result
}

export function withChange(set: RunSet, { action, run }: RunChange): RunSet {
  if (action !== 'delete') return withRuns(set, [run])
  if (!set.has(run.id)) return set
  const result = new Map(set)
  result.delete(run.id)
  return result
}

export function newestFirst(runs: Iterable<Run>): Run[] {
  return [...runs].sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1))
}
