/** Wake-ups of this process: every commit of its own store, at once and with the events it added. */
import type { Commit } from '#store/store'
import type { WakeupSource } from './wakeups.ts'

export interface Commits {
  onCommit(
    listener: (commit: Pick<Commit, 'runId' | 'change' | 'head' | 'closed' | 'events'>) => void,
  ): () => void
}

export function localWakeups(commits: Commits): WakeupSource {
  return {
    open: (sink) =>
      commits.onCommit(({ runId, change, head, closed, events }) =>
        sink.wake({ runId, head, closed, deleted: change === 'deleted', events }),
      ),
  }
}
