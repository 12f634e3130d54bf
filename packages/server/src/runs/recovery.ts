/**
 * Closes what a crashed server left behind: runs that are marked active, and perhaps their processes. The
 * processes are ended first, then the log records what was open, and that the run was interrupted. Queued runs whose abort
 * was recorded and not carried out are closed too: no server would claim them. A run that was woken and whose call had not
 * begun is parked again instead.
 */
import { MillraceError } from '@millrace/protocol'
import type { Kind } from '#runners/kind'
import type { PastEvent } from '#runners/runner'
import type { RunProcess, RunRecord, Store } from '#store/store'
import { toEventJson } from './clip.ts'
import { cancelQueued, cutShort, type EndingParts, endRequestFor } from './ending.ts'

export interface RecoveryParts extends EndingParts {
  store: Pick<
    Store,
    'listActive' | 'requestEnd' | 'finish' | 'park' | 'getRun' | 'readAfter' | 'append' | 'shared'
  >
  kinds: ReadonlyMap<string, Kind>
  endLeftovers: (runs: { id: string; process: RunProcess | null }[]) => Promise<number>
}

/** Returns the number of runs that were closed. */
export async function recover(parts: RecoveryParts): Promise<number> {
  const { shared } = parts.store
  // Runs that others took over meanwhile may have left their processes here.
  if (shared !== undefined) await endProcesses(await shared.leftovers(), parts)
  const left = shared === undefined ? await parts.store.listActive() : await shared.adopt()
  if (left.length === 0) return 0
  await closeRuns(left, parts)
  parts.log.warn({ runs: left.length }, 'runs of an earlier server were closed')
  return left.length
}

/** Ends what is left of these runs, and writes their terminal events, or parks them again. */
export async function closeRuns(left: readonly RunRecord[], parts: RecoveryParts): Promise<void> {
  const cancelled = left.filter((run) => run.state === 'queued')
  const active = left.filter((run) => run.state !== 'queued')
  await endProcesses(active, parts)
  await Promise.all([
    ...active.map((run) => (isToBeParked(run) ? parkAgain(run, parts) : close(run, parts))),
    ...cancelled.map((run) => cancelQueued(run, runnerOf(run, parts), parts)),
  ])
}

async function endProcesses(
  runs: readonly Pick<RunRecord, 'id' | 'process'>[],
  { endLeftovers, log }: RecoveryParts,
): Promise<void> {
  if (runs.length === 0) return
  const ended = await endLeftovers(runs.map(({ id, process }) => ({ id, process })))
  if (ended > 0) log.warn({ processes: ended }, 'ended processes that an earlier server left behind')
}

function isToBeParked({ parked, cause }: RunRecord): boolean {
  return parked === 'woken' && cause === null
}

async function parkAgain({ id, attempt }: RunRecord, { store }: RecoveryParts): Promise<void> {
  await store.park(id, attempt, { usage: null, event: null }).catch(ignoreSettled)
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
    ignoreSettled(error)
  }
}

/** It ended after it was listed, or another node took it over: there is nothing to do. */
function ignoreSettled(error: unknown): void {
  const settled = ['run_over', 'stale_attempt', 'not_found']
  if (!(error instanceof MillraceError) || !settled.includes(error.code)) throw error
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
