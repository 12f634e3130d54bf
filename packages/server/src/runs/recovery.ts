/**
 * What a server that did not end well left behind: runs that say they are active, and perhaps their
 * processes. First the processes end, then the log says that the run was interrupted. Also queued runs
 * whose abort was recorded and not carried out: nobody claims those any more.
 */
import { MillraceError } from '@millrace/protocol'
import type { Kind } from '#runners/kind'
import type { RunProcess, RunRecord, Store } from '#store/store'
import { cancelQueued, cutShort, type EndingParts, endRequestFor } from './ending.ts'

export interface RecoveryParts extends EndingParts {
  store: Pick<Store, 'listActive' | 'requestEnd' | 'finish' | 'getRun'>
  kinds: ReadonlyMap<string, Kind>
  endLeftovers: (runs: { id: string; process: RunProcess | null }[]) => Promise<number>
}

/** Closes what was left. Returns how many runs that were. */
export async function recover(parts: RecoveryParts): Promise<number> {
  const left = await parts.store.listActive()
  if (left.length === 0) return 0
  const cancelled = left.filter((run) => run.state === 'queued')
  const active = left.filter((run) => run.state !== 'queued')
  if (active.length > 0) {
    const ended = await parts.endLeftovers(active.map(({ id, process }) => ({ id, process })))
    if (ended > 0) parts.log.warn({ processes: ended }, 'ended processes that an earlier server left behind')
  }
  await Promise.all([
    ...active.map((run) => close(run, parts)),
    ...cancelled.map((run) => cancelQueued(run, runnerOf(run, parts), parts)),
  ])
  parts.log.warn({ runs: left.length }, 'runs of an earlier server were closed')
  return left.length
}

async function close(run: RunRecord, parts: RecoveryParts): Promise<void> {
  const record = (await parts.store.requestEnd(run.id, 'crash')) ?? run
  // A cause that was recorded before the crash was first: an abort is what the user asked for.
  const cause = record.cause ?? 'crash'
  const { message } = endRequestFor(cause)
  const finish = cutShort(record, runnerOf(record, parts), cause, message, parts)
  try {
    await parts.store.finish(run.id, record.attempt, finish)
  } catch (error) {
    // Over since it was listed: then there is nothing to close.
    if (!(error instanceof MillraceError) || error.code !== 'run_over') throw error
  }
}

function runnerOf(run: RunRecord, parts: RecoveryParts): Kind['runner'] | undefined {
  return parts.kinds.get(run.kind)?.runner
}
