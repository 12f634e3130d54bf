/** The server's own log of runs: one line when a run is queued, one when its work starts, one when it is over. */
import type { Logger } from 'pino'
import type { RunRecord, StoreStatus } from '#store/store'

/** Logs who and what, never the request itself: a prompt or an argument may hold a secret. */
export function logRuns(log: Logger) {
  return {
    queued(run: RunRecord): void {
      log.info({ ...namesOf(run), project: run.project, owner: run.owner }, 'run queued')
    },

    started(run: RunRecord): void {
      const { attempt, createdAt, startedAt } = run
      log.info({ ...namesOf(run), attempt, queuedMs: between(createdAt, startedAt) }, 'run started')
    },

    ended(run: RunRecord): void {
      const { createdAt, startedAt, finishedAt, state, outcome, cause, head } = run
      log.info(
        {
          ...namesOf(run),
          state,
          outcome,
          ...(cause === null ? {} : { cause }),
          events: head,
          queuedMs: between(createdAt, startedAt ?? finishedAt),
          durationMs: between(startedAt, finishedAt),
        },
        'run ended',
      )
    },
  }
}

/**
 * Logs a disk that fills up or a database that is away, and the end of that. A store that failed is logged by what ends the
 * process.
 */
export function logStoreStatus(log: Logger): (status: StoreStatus) => void {
  let last: StoreStatus['kind'] = 'ok'
  return (status) => {
    if (status.kind === 'ok' && last === 'away')
      log.warn('the database is back: waiting writes are being written')
    else if (status.kind === 'ok') log.warn('the disk has room again: waiting writes are being written')
    last = status.kind
    if (status.kind === 'away') {
      log.error(
        { reason: status.message },
        'the database cannot be reached: runs wait for it, and nothing new is accepted',
      )
    }
    if (status.kind === 'full') {
      log.error(
        { reason: status.message },
        'the disk is full: runs wait for room, and nothing new is accepted',
      )
    }
  }
}

function namesOf({ id, kind }: RunRecord): { run: string; kind: string } {
  return { run: id, kind }
}

/** Null when one of the two never happened. */
function between(from: number | null, to: number | null): number | null {
  return from === null || to === null ? null : Math.max(to - from, 0)
}
