/**
 * What a server that did not end well left behind: runs that say they are active, and perhaps their
 * processes. First the processes end, then the log says that the run was interrupted.
 */
import { terminalType } from '@millrace/protocol'
import type { Logger } from 'pino'
import type { RunProcess, RunRecord, Store } from '../store/store.ts'
import type { KindOfRun } from './kind.ts'

export interface RecoveryParts {
  store: Pick<Store, 'listActive' | 'requestEnd' | 'finish'>
  kinds: ReadonlyMap<string, KindOfRun>
  endLeftovers: (runs: { id: string; process: RunProcess | null }[]) => Promise<number>
  now: () => number
  log: Logger
}

/** Marks what was left active. Returns how many runs that were. */
export async function recover(parts: RecoveryParts): Promise<number> {
  const left = await parts.store.listActive()
  if (left.length === 0) return 0
  const ended = await parts.endLeftovers(left.map(({ id, process }) => ({ id, process })))
  if (ended > 0) parts.log.warn({ processes: ended }, 'ended processes that an earlier server left behind')
  await Promise.all(left.map((run) => close(run, parts)))
  parts.log.warn({ runs: left.length }, 'runs of an earlier server were closed')
  return left.length
}

async function close(run: RunRecord, parts: RecoveryParts): Promise<void> {
  const record = (await parts.store.requestEnd(run.id, 'crash')) ?? run
  // An abort that was recorded before the crash was first, and is what the user asked for.
  const state = record.cause === 'abort' ? 'aborted' : 'interrupted'
  const message =
    state === 'aborted' ? 'Aborted by request' : 'The server stopped without warning while the run was active'
  const runner = parts.kinds.get(run.kind)?.runner
  const data = runner?.endedData(run, state, message) ?? { state, message }
  await parts.store.finish(run.id, record.attempt, {
    state,
    event: { at: parts.now(), type: terminalType(run.kind, state), json: JSON.stringify(data) },
    result: null,
    error: { message },
    usage: null,
  })
}
