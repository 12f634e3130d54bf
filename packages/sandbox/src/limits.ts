/**
 * Samples the limits that the kernel does not enforce for us.
 *
 * Owns: one timer for all watched runs, which exists only while a run is watched.
 */
import { statfsSync } from 'node:fs'
import { ownMemoryOf } from '#processes/processes'
import type { Breach, ProcessLimits } from './sandbox.ts'

export const sampleEveryMs = 250

export interface Watched {
  limits: ProcessLimits
  /** The living processes of the run. */
  members(): number[]
  /** In-memory directories that only this run writes to. */
  scratch: readonly string[]
  breached(limit: Breach): void
}

export class LimitWatch {
  private readonly watched = new Set<Watched>()
  private timer: NodeJS.Timeout | null = null

  /** Watches a run that has limits. Returns a function that stops watching. */
  watch(run: Watched): () => void {
    if (run.limits.memoryBytes === undefined && run.limits.processes === undefined) return () => {}
    this.watched.add(run)
    this.timer ??= setInterval(() => this.sample(), sampleEveryMs)
    return () => {
      this.watched.delete(run)
      if (this.watched.size > 0 || this.timer === null) return
      clearInterval(this.timer)
      this.timer = null
    }
  }

  private sample(): void {
    for (const run of this.watched) {
      const breach = breachOf(run)
      if (breach === null) continue
      // Report the first breach only: the run is already being ended.
      this.watched.delete(run)
      run.breached(breach)
    }
  }
}

function breachOf({ limits, members, scratch }: Watched): Breach | null {
  const pids = members()
  if (limits.processes !== undefined && pids.length > limits.processes) return 'processes'
  if (limits.memoryBytes === undefined) return null
  let used = 0
  for (const pid of pids) used += ownMemoryOf(pid)
  for (const directory of scratch) used += usedBytesOf(directory)
  return used > limits.memoryBytes ? 'memory' : null
}

function usedBytesOf(directory: string): number {
  try {
    const { blocks, bfree, bsize } = statfsSync(directory)
    return (blocks - bfree) * bsize
  } catch {
    return 0
  }
}
