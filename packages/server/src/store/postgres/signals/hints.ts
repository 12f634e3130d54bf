/** A commit as other nodes hear of it: short, and without its events. */
import { type RunState, runStates } from '@millrace/protocol'
import type { Commit } from '#store/store'

const changes = ['created', 'updated', 'finished', 'deleted'] as const satisfies readonly Commit['change'][]

/** `id:change:state:head`, the middle two by their place in the lists. */
export function encode({ runId, change, state, head }: Commit): string {
  return `${runId}:${changes.indexOf(change)}:${runStates.indexOf(state)}:${head}`
}

/** Null for what another version may have sent. */
export function decode(hint: string): Commit | null {
  const [runId, changeAt, stateAt, head] = hint.split(':')
  const change = changes[Number(changeAt)]
  const state: RunState | undefined = runStates[Number(stateAt)]
  if (runId === undefined || change === undefined || state === undefined || head === undefined) return null
  const closed = !['queued', 'starting', 'running'].includes(state)
  return { runId, change, state, head: Number(head), closed, events: [], elsewhere: true }
}

/** Of several commits of a run the one that says more; what follows an end or a deletion does not undo it. */
export function strongest(earlier: Commit['change'], later: Commit['change']): Commit['change'] {
  if (earlier === 'updated') return later
  return later === 'finished' || later === 'deleted' ? later : earlier
}
