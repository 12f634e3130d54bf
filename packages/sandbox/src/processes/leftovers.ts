/** Ends the processes that a server left behind when it died without warning. */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  carriersOf,
  descendantsOf,
  isRunning,
  type ProcessIdentity,
  signal,
  startTimeOf,
} from './processes.ts'

/** A process that survives SIGKILL this long is stuck in the kernel, and will end when it can. */
const patienceMs = 5000

/**
 * Ends what is left of these runs: the recorded process, if its start time shows that it is still the same one;
 * every process with a run's id in its environment; and the descendants of both. Returns how many processes
 * it ended.
 */
export async function endLeftovers(
  runs: readonly { id: string; process: ProcessIdentity | null }[],
): Promise<number> {
  const runIds = new Set(runs.map((run) => run.id))
  const recorded = runs.flatMap((run) => (run.process === null ? [] : [run.process]))
  const ended = new Set<string>()
  const deadline = performance.now() + patienceMs
  for (;;) {
    const found = find(recorded, runIds)
    if (found.length === 0 || performance.now() > deadline) return ended.size
    for (const process of found) {
      // Check again: the pid may have been reused since it was found.
      if (startTimeOf(process.pid) !== process.startTime) continue
      signal(process.pid, 'SIGKILL')
      ended.add(`${process.pid}:${process.startTime}`)
    }
    await sleep(10)
  }
}

function find(recorded: readonly ProcessIdentity[], runIds: ReadonlySet<string>): ProcessIdentity[] {
  const roots = [...recorded.filter(isRunning).map((process) => process.pid), ...carriersOf(runIds)]
  const pids = new Set(roots.flatMap((pid) => [pid, ...descendantsOf(pid)]))
  pids.delete(process.pid)
  return [...pids].map((pid) => ({ pid, startTime: startTimeOf(pid) })).filter(isRunning)
}
