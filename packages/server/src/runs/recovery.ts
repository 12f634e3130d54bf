/**
 * Closes what a crashed server left behind: runs that are marked active, and perhaps their processes. The
 * processes are ended first, then the log records what was open, and that the run was interrupted. Queued runs whose abort
 * was recorded and not carried out are closed too: no server would claim them.
 */
import { MillraceError } from '@millrace/protocol'
import type { Kind } from '#runners/kind'
import type { PastEvent } from '#runners/runner'
import type { RunProcess, RunRecord, Store } from '#store/store'
import { toEventJson } from './clip.ts'
import { cancelQueued, cutShort, type EndingParts, endRequestFor } from './ending.ts'

export interface RecoveryParts extends EndingParts {
  store: Pick<Store, 'listActive' | 'requestEnd' | 'finish' | 'getRun' | 'readAfter' | 'append'>
  kinds: ReadonlyMap<string, Kind>
  endLeftovers: (runs: { id: string; process: RunProcess | null }[]) => Promise<number>
}

/** Returns the number of runs that were closed. */
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
  // A cause that was recorded before the crash was first: the user asked for an abort.
  const cause = record.cause ?? 'crash'
  const { message } = endRequestFor(cause)
  const finish = cutShort(record, runnerOf(record, parts), cause, message, parts)
  try {
    await closeLog(record, parts)
    await parts.store.finish(run.id, record.attempt, finish)
  } catch (error) {
    // It ended after it was listed: there is nothing to close.
    if (!(error instanceof MillraceError) || error.code !== 'run_over') throw error
  }
}

/** A crash in between leaves a log that needs no more events: the next recovery writes the terminal one alone. */
async function closeLog(run: RunRecord, parts: RecoveryParts): Promise<void> {
  const runner = runnerOf(run, parts)
  if (runner?.closing === undefined) return
  const at = parts.now()
  const events = await runner.closing(logOf(run.id, parts.store), at)
  if (events.length === 0) return
  const inputs = events.map(({ type, data }) => ({ at, type, json: toEventJson(data, parts.eventBytes) }))
  await parts.store.append(run.id, run.attempt, inputs)
}

const pageBytes = 256 * 1024

async function* logOf(id: string, store: Pick<Store, 'readAfter'>): AsyncGenerator<PastEvent> {
  for (let after = 0; ; ) {
    const page = await store.readAfter(id, { after, maxBytes: pageBytes })
    if (page === null || page.events.length === 0) return
    for (const { seq, at, type, json } of page.events) {
      after = seq
      yield { at, type, data: JSON.parse(json) }
    }
  }
}

function runnerOf(run: RunRecord, parts: RecoveryParts): Kind['runner'] | undefined {
  return parts.kinds.get(run.kind)?.runner
}
