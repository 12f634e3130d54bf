/** The small parts of ending a run that more than one way of ending needs. */
import { terminalType } from '@millrace/protocol'
import type { Runner } from '../runners/runner.ts'
import type { RunRecord, Store } from '../store/store.ts'

/** Writes the terminal event of a run that was aborted before anybody claimed it. */
export async function cancelQueued(
  record: RunRecord,
  runner: Runner,
  parts: { store: Pick<Store, 'finish' | 'getRun'>; now: () => number },
): Promise<RunRecord> {
  const message = 'Aborted by request before it started'
  const data = runner.endedData(record, 'aborted', message)
  try {
    return await parts.store.finish(record.id, record.attempt, {
      state: 'aborted',
      event: { at: parts.now(), type: terminalType(record.kind, 'aborted'), json: JSON.stringify(data) },
      result: null,
      error: { message },
      usage: null,
    })
  } catch (error) {
    // Two aborts raced and the other one wrote it: the run is over, which is all that was asked.
    const now = await parts.store.getRun(record.id)
    if (now?.finishedAt != null) return now
    throw error
  }
}

/** Waits for a promise that never rejects, but no longer than `ms`. */
export async function waitAtMost(promise: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([promise, late])
  clearTimeout(timer)
}
